package server

import (
	"fmt"
	"net/http"
)

// renderRefused renders the page of a login that was refused: the error page and a
// link with which the person can use another account. A theme without a refused.html,
// or an empty link, gets the error page.
func (s *Server) renderRefused(r *http.Request, w http.ResponseWriter, status int, message, link string) error {
	page := s.templates.errorTmpl.Lookup("refused.html")
	if page == nil || link == "" {
		s.renderError(r, w, status, message)
		return nil
	}
	w.WriteHeader(status)
	data := struct {
		ErrType string
		ErrMsg  string
		ReqPath string
		Link    string
	}{http.StatusText(status), message, r.URL.Path, link}
	if err := page.Execute(w, data); err != nil {
		return fmt.Errorf("rendering template %s failed: %w", page.Name(), err)
	}
	return nil
}

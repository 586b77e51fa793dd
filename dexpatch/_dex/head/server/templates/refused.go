package templates

import (
	"fmt"
	"net/http"
)

// Refused renders the page of a login that was ended: the error page and a link with
// which the person can go on. A theme without a refused.html gets the error page.
func (t *Templates) Refused(r *http.Request, w http.ResponseWriter, status int, message, link, linkText string) error {
	page := t.errorTmpl.Lookup("refused.html")
	if page == nil {
		return t.Err(r, w, status, message)
	}
	w.WriteHeader(status)
	data := struct{ ErrType, ErrMsg, ReqPath, Link, LinkText string }{http.StatusText(status), message, r.URL.Path, link, linkText}
	if err := page.Execute(w, data); err != nil {
		return fmt.Errorf("rendering template %s failed: %s", page.Name(), err)
	}
	return nil
}

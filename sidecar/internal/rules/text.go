package rules

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser/lexer"

	"github.com/claimsmith/claimsmith/sidecar/claims"
	"github.com/claimsmith/claimsmith/sidecar/internal/pipeline"
)

// Text compiles a sentence for a person. ${expr} is replaced by the value of an expression, which is a text, a number or a
// boolean; $${ stands for ${. What comes out is one line of at most 300 characters. Errors are of type *Error.
func (c *Compiler) Text(src string) (pipeline.Text, error) {
	if len(src) > maxText {
		return nil, &Error{Offset: maxText, Message: "the message is longer than " + strconv.Itoa(maxText) + " bytes"}
	}
	t := &sentence{}
	var read []pipeline.Reads
	for at := 0; at < len(src); {
		text, next := literalAt(src, at)
		t.add(piece{literal: text})
		if at = next; at >= len(src) {
			break
		}
		begin := at + len("${")
		length, err := expressionEnd(src[begin:])
		if err != nil {
			return nil, shifted(err, at, begin)
		}
		p, err := c.compile(src[begin:begin+length], whole, acceptPiece, fitsPiece)
		if err != nil {
			return nil, shifted(err, begin, begin)
		}
		p.whole, p.begin = src, begin
		t.add(piece{value: p})
		read = append(read, p.Reads())
		at = begin + length + len("}")
	}
	t.reads = merge(read...)
	return t, nil
}

// shifted moves an error from an expression to the text around it. One without a place of its own goes to at.
func shifted(err *Error, at, begin int) *Error {
	if err.Offset < 0 {
		err.Offset = at
	} else {
		err.Offset += begin
	}
	return err
}

// literalAt returns the text from at to the next ${, and where that begins; the end of src when there is none.
func literalAt(src string, at int) (text string, next int) {
	var b strings.Builder
	for at < len(src) {
		switch rest := src[at:]; {
		case strings.HasPrefix(rest, "$${"):
			b.WriteString("${")
			at += len("$${")
		case strings.HasPrefix(rest, "${"):
			return b.String(), at
		default:
			b.WriteByte(src[at])
			at++
		}
	}
	return b.String(), at
}

// expressionEnd returns where the } stands that ends the expression at the start of src. Only the lexer knows: a } can be part
// of a text or close an object. An error has the offset -1 when it is about the whole.
func expressionEnd(src string) (int, *Error) {
	l := lexer.New()
	l.Reset(file.NewSource(src))
	for depth := 0; ; {
		t, err := l.Next()
		switch {
		case errors.Is(err, io.EOF) || err == nil && t.Is(lexer.EOF):
			return 0, &Error{Offset: -1, Message: "${ has no }", Hint: "write $${ for ${ itself"}
		case err != nil:
			return 0, syntaxError(src, err)
		case t.Is(lexer.Bracket, "{", "(", "["):
			depth++
		case t.Is(lexer.Bracket, "}") && depth == 0:
			return byteOffset(src, t.From), nil
		case t.Is(lexer.Bracket, "}", ")", "]"):
			depth--
		}
	}
}

func acceptPiece(root ast.Node) *Error {
	if typ := root.Nature(); !unknownType(typ) && (typ.Nil || !scalar(root)) {
		return &Error{Message: "a message can only hold a string, a number or a boolean, not " + describe(root)}
	}
	return nil
}

func fitsPiece(s shape) *Error {
	if odd := s.kinds &^ (kindText | kindBool | kindNumber); odd != 0 {
		return &Error{Message: "a message can only hold a string, a number or a boolean, and this " + may(odd, s.kinds), Hint: kindText.hint()}
	}
	return nil
}

// sentence is a text with expressions in it.
type sentence struct {
	pieces []piece
	reads  pipeline.Reads
}

// piece is a literal or an expression.
type piece struct {
	literal string
	value   *program
}

func (t *sentence) add(p piece) {
	if p.value != nil || p.literal != "" {
		t.pieces = append(t.pieces, p)
	}
}

// Reads tells what the expressions can read.
func (t *sentence) Reads() pipeline.Reads { return t.reads }

// Text computes the sentence.
func (t *sentence) Text(ctx context.Context, s *pipeline.State) (string, error) {
	var b strings.Builder
	for _, p := range t.pieces {
		if p.value == nil {
			b.WriteString(p.literal)
			continue
		}
		v, err := p.value.run(ctx, s)
		if err != nil {
			return "", err
		}
		switch kindOf(v) {
		case "a string", "a number", "a boolean":
		default:
			return "", failuref("a message can only hold a string, a number or a boolean")
		}
		shown, err := toString(v)
		if err != nil {
			return "", err
		}
		b.WriteString(shown.(string))
	}
	return oneLine(b.String()), nil
}

// oneLine returns s as one line of at most maxMessage characters. White space becomes one space; what is not shown, or turns
// the direction of what is around it, goes, so that nobody's name can rearrange the sentence.
func oneLine(s string) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			space = n > 0
			continue
		case claims.Hidden(r):
			continue
		}
		if space {
			b.WriteByte(' ')
			n++
			space = false
		}
		b.WriteRune(r)
		n++
	}
	return cut(b.String(), n)
}

// cut shortens a text of n characters.
func cut(s string, n int) string {
	if n <= maxMessage {
		return s
	}
	return s[:byteOffset(s, maxMessage-1)] + "…"
}

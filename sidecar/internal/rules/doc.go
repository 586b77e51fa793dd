// Package rules is the language in which an operator decides about claims: expressions of github.com/expr-lang/expr over
// typed values, compiled once and run by many requests at the same time. It implements the Condition, Value and Text of
// package pipeline, and it is the only package that knows expr.
//
// # What an expression sees
//
// [Variables] is the table of it, and the documentation is made from that table:
//
//	identity.isUser .userId .username .preferredUsername .email .unverifiedEmail .emailVerified .groups
//	client.id   connector.id   scopes   audience   grant   stage   token
//	claims.NAME                the claims as they are before the step: the only values without a type
//	ALIAS.FACT                 what a lookup found out, typed by the plugin's schema
//	ALIAS.asked .found .failed .stale .age .problem       what the host knows of a lookup
//
// Everything but claims has a type, so that a misspelt name is an error when the expression is compiled, with its place and a
// guess at what was meant. identity.email is the address only if somebody who may say so has verified it.
//
// Names can be written as x.y, x["y"] and x?.y, which are the same for what is declared. A claim that is missing is nil; so
// is what find and first give when there is nothing. x?.y is nil when x is, and x ?? y is y when x is nil. Everything else that
// is done with nil is a failure, but for the comparisons == and !=, and for in, contains, startsWith, endsWith and matches,
// which are then false.
//
// Operators are those of expr:
//
//	== != < <= > >=   in   not in   contains   startsWith   endsWith   matches "constant pattern"
//	and && or || not !   + - * / % **   ..   ??   c ? a : b   if c { a } else { b }   let x = a; b   x | f()   x[1:2]
//
// In the predicates of filter, map, any ... the element is called it, or #; .name is a field of it.
//
// [Functions] is the list of functions; no other can be called. An expression reads no clock, environment, file or network.
// Patterns are constants: globs, as [pipeline.Glob] says, and the regular expressions of Go. What has the elements of a list
// as strings gives a list of strings, so that its type is known. has, default and required take empty for missing, as Dex does
// when it leaves a claim out; what they look at may be read from something that is missing.
//
// A string is a row of characters (code points of Unicode): len, indexOf and slices count them, and nothing cuts one. The claim groups
// never holds an empty name: those are left out.
//
// # Not to know is neither yes nor no
//
// A fact of a lookup that was not asked, or that failed, has no value. Reading it is a failure of the request ("nas was not
// asked"). Only asked and failed can be read without, so that nas.asked && nas.found works. An alias as a whole value counts
// as reading all its facts.
//
// # An address that nobody verified decides nothing
//
// [Compiler.Origin] says whether a value may come from such an address, or be chosen by it: identity.unverifiedEmail, claims.email,
// claims that a step set from them, and all that is made of these. claims as a value and claims by a computed name count as
// such. What the connector calls a person (username, preferredUsername, userId, and the claims of Dex but groups) may be an address
// as well: it counts as one where it is compared with a text that has an @ in it, and in the parameter of a lookup that is
// called email. What is only looked at after claims.email_verified == true, identity.emailVerified or identity.email != "" counts no more, and
// neither does the question whether there is an address.
//
// # A request concerns several clients
//
// client.id compared with another value stands for the client that asks and for every member of the audience: client.id ==
// "x" and client.id in ["x", "y"] hold when any of them matches, and != and not in are the negation of that. The same goes for
// startsWith, endsWith, contains and matches with a constant, for glob, and for a variable of let that is client.id. Elsewhere, as in
// lower(client.id), it is the client that asks. [pipeline.Reads] lists the constants that == and in compare it with.
//
// # What comes out
//
// A condition is known to be true or false when it is compiled; what is not known to be is refused. The value of a claim is
// any JSON, but the claims of Dex's own keep their types: that is checked as far as types are known when the expression is
// compiled, and always when it runs. Nil is never a value: a step removes a claim instead. A text is a sentence with ${expr} in
// it.
//
// # Why
//
// A condition can explain itself ([pipeline.Explainer]): what the tests between and, or and not come to, and what they look
// at. The parts are compiled when somebody asks for the first time.
//
// # Limits
//
// Source, nesting and size of an expression are limited when it is compiled (see limits.go); lists, strings, memory, and the
// number of elements looked at when it runs. Whatever goes through a list looks at the context at each element, so an
// expression stops at its deadline; the error then wraps that of the context. Lists that hold the same list several times
// can be larger than the memory they take, so comparing and flattening count too.
//
// A pattern is the operator's, the text that it looks at is the person's. Package regexp takes time for the size of one times the
// length of the other and cannot be stopped, so the size is limited when the expression is compiled, the product for each text, and
// between two texts the context is looked at. BenchmarkWorst is a table of what each function takes at the limits.
//
// # Errors
//
// An expression that does not compile gives an [*Error] with a place in bytes, a message and a hint, in words of our own: expr's
// speak of Go types. An error at run time names a place, a lookup or a claim, and never a value: expr's often do.
//
// # How it works
//
// The tree that expr's parser makes is rewritten twice. Before types are checked, names become constants (ops) that are handed
// to one function of the environment, and what they read is noted. After types are checked, comparisons, loops and what
// can grow are put under control. The machine's environment thus holds four functions and no values; a run, kept in
// State.Memo, fetches what is asked for, decodes a claim when it is first read, and keeps it until its bytes change.
package rules

// Package sql is the plugin that asks a database: one query with named parameters, of which the columns are the facts.
//
//	sdk.Main(sql.Plugin())
//
// A value of a question is never part of the text of a query. Each query runs in a transaction that only reads and has a time limit.
package sql

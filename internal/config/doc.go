// Package config reads settings files, strictly: what is not known is an
// error with file, line and a suggestion, and what is returned is validated.
package config

// Package chatui is what a conversation at a terminal needs and knows nothing
// of models: an editor for messages of one line or many ([Editor]), its history
// ([History]), the terminal's mode ([TTY]), and a printer of Markdown
// ([Markdown]).
package chatui

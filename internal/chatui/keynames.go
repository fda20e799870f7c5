package chatui

// csiName names a key that terminals send as ESC [ … or ESC O …, by what
// follows; "none" is one that does nothing here.
func csiName(rest string) string {
	switch rest {
	case "A":
		return "up"
	case "B":
		return "down"
	case "C":
		return "right"
	case "D":
		return "left"
	case "H", "1~", "7~":
		return "home"
	case "F", "4~", "8~":
		return "end"
	case "3~":
		return "delete"
	case "1;5C", "1;3C", "5C":
		return "alt-f"
	case "1;5D", "1;3D", "5D":
		return "alt-b"
	case "13;2u", "27;2;13~": // Shift-Enter, where a terminal tells
		return "newline"
	case "200~":
		return "paste-begin"
	}
	return "none"
}

// altName names a key that terminals send as ESC and one byte more.
func altName(c byte) string {
	switch c {
	case 'b', 'f', 'd':
		return "alt-" + string(rune(c))
	case 0x7f:
		return "ctrl-w"
	case '\r', '\n':
		return "newline"
	}
	return "none"
}

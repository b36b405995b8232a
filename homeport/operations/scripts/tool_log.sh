# Prints the last lines of what a tool said, indented: a line that begins with `error: ` is homeport's own, and uv has such too.
# Usage: tool_log LINES [FILE]
tool_log() {
    tail -n "$1" "${2:--}" | sed 's/^/    /'
}

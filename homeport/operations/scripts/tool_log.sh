# Prints the last lines of a tool's output, indented: a line that begins with `error: ` is homeport's, and uv prints such lines too.
# Usage: tool_log LINES [FILE]
tool_log() {
    tail -n "$1" "${2:--}" | sed 's/^/    /'
}

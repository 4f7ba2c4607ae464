/*
 * The child of every target: an MCP server on stdio with two tools, `echo` and `fill`.
 *
 * It answers in a few microseconds, so that what is measured is the bridge. A message is read as JSON only as
 * far as it takes to find the members it needs; their text is copied as it is, so that ids keep their type.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct span {
    const char *start;
    const char *end;
};

static const struct span ABSENT = {NULL, NULL};

static const char *after_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
        at++;
    return at;
}

/* `at` is on the opening quote; returns the place after the closing one. */
static const char *after_string(const char *at, const char *end)
{
    const char *from = at + 1;
    while (from < end) {
        const char *quote = memchr(from, '"', (size_t)(end - from));
        const char *slash;
        if (quote == NULL)
            return end;
        for (slash = quote; slash[-1] == '\\'; slash--)
            ;
        if ((quote - slash) % 2 == 0)
            return quote + 1;
        from = quote + 1;
    }
    return end;
}

static const char *after_value(const char *at, const char *end)
{
    int depth = 0;
    while (at < end) {
        if (*at == '"') {
            at = after_string(at, end);
            if (depth == 0)
                return at;
            continue;
        }
        if (depth == 0 && (*at == ',' || *at == '}' || *at == ']'))
            return at;
        if (*at == '{' || *at == '[')
            depth++;
        if (*at == '}' || *at == ']')
            depth--;
        at++;
    }
    return end;
}

/* The text of one member of an object, quotes included when it is a string. */
static struct span member(struct span object, const char *name)
{
    size_t length = strlen(name);
    const char *at, *end = object.end;
    if (object.start == NULL || (at = after_space(object.start, end)) == end || *at != '{')
        return ABSENT;
    at++;
    for (;;) {
        const char *key, *key_end, *value;
        while (at < end && *at != '"' && *at != '}')
            at++;
        if (at >= end || *at == '}')
            return ABSENT;
        key = at + 1;
        at = after_string(at, end);
        key_end = at - 1;
        at = after_space(at, end);
        if (at >= end || *at != ':')
            return ABSENT;
        value = after_space(at + 1, end);
        at = after_value(value, end);
        if ((size_t)(key_end - key) == length && memcmp(key, name, length) == 0)
            return (struct span){value, at};
    }
}

static int is(struct span value, const char *text)
{
    size_t length = strlen(text);
    return value.start != NULL && (size_t)(value.end - value.start) == length &&
           memcmp(value.start, text, length) == 0;
}

static void put(struct span value)
{
    fwrite(value.start, 1, (size_t)(value.end - value.start), stdout);
}

static void answer(struct span id, const char *before, struct span copied, const char *after)
{
    fputs("{\"jsonrpc\":\"2.0\",\"id\":", stdout);
    put(id);
    fputs(before, stdout);
    if (copied.start != NULL)
        put(copied);
    fputs(after, stdout);
    fputs("}\n", stdout);
    fflush(stdout);
}

/* A JSON string of `size` letters, made once for each size. */
static struct span filled(size_t size)
{
    static char *text;
    static size_t made = 0;
    if (text == NULL || made != size) {
        free(text);
        text = malloc(size + 2);
        if (text == NULL)
            exit(1);
        memset(text, 'x', size + 2);
        text[0] = text[size + 1] = '"';
        made = size;
    }
    return (struct span){text, text + size + 2};
}

static void call_tool(struct span id, struct span params)
{
    struct span name = member(params, "name"), arguments = member(params, "arguments");
    struct span message = member(arguments, "message"), size = member(arguments, "bytes");
    struct span text = ABSENT;
    if (is(name, "\"echo\""))
        text = message;
    else if (is(name, "\"fill\"") && size.start != NULL)
        text = filled(strtoul(size.start, NULL, 10));
    if (text.start == NULL)
        answer(id, ",\"error\":{\"code\":-32602,\"message\":\"no such tool, or no argument\"}", ABSENT, "");
    else
        answer(id, ",\"result\":{\"content\":[{\"type\":\"text\",\"text\":", text, "}]}");
}

static void take(struct span line)
{
    struct span id = member(line, "id"), method = member(line, "method"), params = member(line, "params");
    if (id.start == NULL || method.start == NULL)
        return; /* a notification, or not JSON-RPC */
    if (is(method, "\"tools/call\""))
        call_tool(id, params);
    else if (is(method, "\"initialize\""))
        answer(id, ",\"result\":{\"protocolVersion\":", member(params, "protocolVersion"),
               ",\"capabilities\":{\"tools\":{}},\"serverInfo\":{\"name\":\"echo\",\"version\":\"1\"}}");
    else if (is(method, "\"tools/list\""))
        answer(id,
               ",\"result\":{\"tools\":[{\"name\":\"echo\",\"description\":\"Returns its message.\","
               "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"message\":{\"type\":\"string\"}},"
               "\"required\":[\"message\"]}},"
               "{\"name\":\"fill\",\"description\":\"Returns so many bytes.\","
               "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"bytes\":{\"type\":\"integer\"}},"
               "\"required\":[\"bytes\"]}}]}",
               ABSENT, "");
    else if (is(method, "\"ping\""))
        answer(id, ",\"result\":{}", ABSENT, "");
    else
        answer(id, ",\"error\":{\"code\":-32601,\"message\":\"no such method\"}", ABSENT, "");
}

int main(void)
{
    size_t capacity = 1 << 18, used = 0;
    char *buffer = malloc(capacity);
    if (buffer == NULL || setvbuf(stdout, NULL, _IOFBF, 1 << 18) != 0)
        return 1;
    for (;;) {
        char *line = buffer, *newline;
        ssize_t got;
        if (used == capacity) {
            char *grown = realloc(buffer, capacity *= 2);
            if (grown == NULL)
                return 1;
            line = buffer = grown;
        }
        got = read(STDIN_FILENO, buffer + used, capacity - used);
        if (got <= 0)
            return 0;
        used += (size_t)got;
        while ((newline = memchr(line, '\n', used - (size_t)(line - buffer))) != NULL) {
            take((struct span){line, newline});
            line = newline + 1;
        }
        used -= (size_t)(line - buffer);
        memmove(buffer, line, used);
    }
}

#include "job_service/form/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void cursor_step(struct cursor *at)
{
    if (*at->p++ == '\n') {
        at->line++;
        at->column = 1;
    } else {
        at->column++;
    }
}

static bool is_blank(int byte)
{
    return byte == ' ' || byte == '\t';
}

static const char *past_blanks(const struct cursor *at, const char *p)
{
    while (p < at->end && is_blank(*p))
        p++;
    return p;
}

static bool at_line_end(const struct cursor *at, const char *p)
{
    return p == at->end || *p == '\n' || (*p == '\r' && (p + 1 == at->end || p[1] == '\n'));
}

void cursor_end_line(struct cursor *at)
{
    while (at->p < at->end && *at->p != '\n')
        cursor_step(at);
    if (at->p < at->end)
        cursor_step(at);
}

void cursor_skip_idle(struct cursor *at)
{
    while (at->p < at->end) {
        const char *p = past_blanks(at, at->p);
        if (!at_line_end(at, p) && *p != '#')
            return;
        cursor_end_line(at);
    }
}

int cursor_peek(struct cursor *at)
{
    while (at->p < at->end && *at->p == at->escape && at_line_end(at, past_blanks(at, at->p + 1))) {
        cursor_end_line(at);
        cursor_skip_idle(at);
    }
    return at_line_end(at, at->p) ? -1 : (unsigned char)*at->p;
}

void cursor_skip_blanks(struct cursor *at)
{
    while (is_blank(cursor_peek(at)))
        cursor_step(at);
}

void cursor_end_instruction(struct cursor *at)
{
    while (cursor_peek(at) >= 0)
        cursor_step(at);
    cursor_end_line(at);
}

/* Words. */

static void word_begin(struct cursor *at, struct word *ret)
{
    cursor_skip_blanks(at);
    ret->line = at->line;
    ret->column = at->column;
    ret->cut = ret->open = false;
}

static void add(struct cursor *at, struct word *ret, size_t *len)
{
    if (*len == WORD_TEXT_MAX)
        ret->cut = true;
    else
        ret->text[(*len)++] = *at->p;
    cursor_step(at);
}

void word_next(struct cursor *at, struct word *ret)
{
    size_t len = 0;

    word_begin(at, ret);
    for (int byte = cursor_peek(at); byte >= 0 && !is_blank(byte); byte = cursor_peek(at))
        add(at, ret, &len);
    ret->text[len] = '\0';
}

void word_next_quoted(struct cursor *at, struct word *ret)
{
    size_t len = 0;
    int quote = 0;

    word_begin(at, ret);
    for (int byte = cursor_peek(at); byte >= 0 && (quote != 0 || !is_blank(byte));
         byte = cursor_peek(at)) {
        if (byte == quote)
            quote = 0;
        else if (quote == 0 && (byte == '"' || byte == '\''))
            quote = byte;
        add(at, ret, &len);
        if (byte == at->escape && quote != '\'' && cursor_peek(at) >= 0)
            add(at, ret, &len);
    }
    ret->text[len] = '\0';
    ret->open = quote != 0;
}

bool word_next_option(struct cursor *at, struct word *ret)
{
    struct cursor before = *at;

    word_next_quoted(at, ret);
    if (strncmp(ret->text, "--", 2) != 0) {
        *at = before;
        return false;
    }
    char *out = ret->text;
    for (const char *p = ret->text; *p != '\0'; p++)
        if (*p != '"' && *p != '\'')
            *out++ = *p;
    *out = '\0';
    return ret->text[2] != '\0'; /* "--" alone ends the options */
}

bool word_wrong(const struct word *word, struct err *err, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX / 2];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return err_set(err, STATUS_INPUT, "Dockerfile:%u:%u: %s", word->line, word->column, text);
}

#include "http_exchange.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void put_filled(FILE *f, const char *text, const char *line) {
    for (const char *p = text; *p; p++) {
        if (p[0] != '{' || p[1] < '1' || p[1] > '9' || p[2] != '}') {
            fputc(*p, f);
            continue;
        }
        const char *column = line;
        for (int skip = p[1] - '1'; skip > 0; skip--) {
            column += strcspn(column, " ");
            column += strspn(column, " ");
        }
        fprintf(f, "%.*s", (int)strcspn(column, " "), column);
        p += 2;
    }
}

void render_request(const Template *t, const char *line, char **out,
                    size_t *len) {
    FILE *f = open_memstream(out, len);
    fprintf(f, "%s ", t->method);
    put_filled(f, t->path, line);
    fprintf(f, " HTTP/1.1\r\nHost: %s\r\n", t->host);
    for (size_t i = 0; i < t->header_count; i++) {
        put_filled(f, t->headers[i], line);
        fputs("\r\n", f);
    }
    if (t->body)
        fprintf(f, "Content-Length: %zu\r\n", t->body_len);
    fputs("\r\n", f);
    if (t->body)
        fwrite(t->body, 1, t->body_len, f);
    fclose(f);
}

void answer_start(Answer *a) {
    a->head_len = 0;
    a->in_body = a->chunked = a->close = false;
    a->left = 0;
    a->chunk_state = 0;
    a->status = 0;
    a->location[0] = '\0';
}

/* the value of a header line with this name, else NULL */
static const char *value_of(const char *line, const char *name) {
    size_t len = strlen(name);
    if (strncasecmp(line, name, len) || line[len] != ':')
        return NULL;
    return line + len + 1 + strspn(line + len + 1, " ");
}

static void keep_location(Answer *a, const char *url) {
    const char *host = strstr(url, "://");
    if (host && host < url + 8)
        url = host + 3 + strcspn(host + 3, "/\r");
    size_t len = strcspn(url, "\r");
    if (len >= sizeof(a->location))
        len = 0;
    memcpy(a->location, url, len);
    a->location[len] = '\0';
}

static bool parse_head(Answer *a) {
    bool sized = false;
    a->head[a->head_len] = '\0';
    if (sscanf(a->head, "HTTP/1.%*1[01] %3d", &a->status) != 1)
        return false;
    for (char *line = strstr(a->head, "\r\n"); line && line[2] != '\r';
         line = strstr(line + 2, "\r\n")) {
        const char *v;
        if ((v = value_of(line + 2, "Content-Length"))) {
            a->left = atoll(v);
            sized = true;
        } else if ((v = value_of(line + 2, "Transfer-Encoding"))) {
            a->chunked = !strncasecmp(v, "chunked", 7);
        } else if ((v = value_of(line + 2, "Connection"))) {
            a->close = !strncasecmp(v, "close", 5);
        } else if ((v = value_of(line + 2, "Location"))) {
            keep_location(a, v);
        }
    }
    if (a->status == 204 || a->status == 304 || a->head_only)
        a->left = 0;
    else if (!sized && !a->chunked)
        a->left = -1;
    a->in_body = true;
    return true;
}

/* chunk_state: 0 size line, 1 data, 2 line end after data, 3 last line */
static AnswerState feed_chunked(Answer *a, const char *data, size_t len,
                                size_t *used) {
    while (*used < len) {
        char ch = data[*used];
        if (a->chunk_state == 1) {
            size_t take = len - *used;
            if (take > (size_t)a->left)
                take = (size_t)a->left;
            *used += take;
            a->left -= (long long)take;
            if (a->left == 0)
                a->chunk_state = 2;
            continue;
        }
        ++*used;
        if (ch != '\n') {
            if (a->chunk_state == 0 && strchr("0123456789abcdefABCDEF", ch))
                a->left = a->left * 16 +
                          (ch <= '9' ? ch - '0' : (ch | 32) - 'a' + 10);
            continue;
        }
        if (a->chunk_state == 3)
            return ANSWER_DONE;
        if (a->chunk_state == 2) {
            a->chunk_state = 0;
            a->left = 0;
        } else {
            a->chunk_state = a->left ? 1 : 3;
        }
    }
    return ANSWER_MORE;
}

AnswerState answer_feed(Answer *a, const char *data, size_t len, size_t *used) {
    *used = 0;
    while (!a->in_body) {
        if (*used == len)
            return ANSWER_MORE;
        if (a->head_len + 1 >= sizeof(a->head))
            return ANSWER_BAD;
        a->head[a->head_len++] = data[(*used)++];
        if (a->head_len >= 4 &&
            !memcmp(a->head + a->head_len - 4, "\r\n\r\n", 4) && !parse_head(a))
            return ANSWER_BAD;
    }
    if (a->chunked)
        return feed_chunked(a, data, len, used);
    if (a->left < 0) {
        *used = len;
        a->close = true;
        return ANSWER_MORE;
    }
    size_t take = len - *used;
    if (take > (size_t)a->left)
        take = (size_t)a->left;
    *used += take;
    a->left -= (long long)take;
    return a->left ? ANSWER_MORE : ANSWER_DONE;
}

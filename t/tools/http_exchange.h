/* HTTP/1.1 requests from a template, and the end of their answers. */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct {
    const char *method;
    const char *path; /* {1} {2} ...: columns of the line */
    const char *host;
    const char *headers[16];
    size_t header_count;
    char *body;
    size_t body_len;
} Template;

/* One request for a line of blank-separated columns; *out is from malloc. */
void render_request(const Template *t, const char *line, char **out,
                    size_t *len);

typedef enum { ANSWER_MORE, ANSWER_DONE, ANSWER_BAD } AnswerState;

typedef struct {
    char head[8192];
    size_t head_len;
    bool in_body;
    bool chunked;
    bool close;     /* the server closes after it */
    bool head_only; /* set by the caller: HEAD */
    long long left; /* of the body; -1: until the connection ends */
    int chunk_state;
    int status;
    char location[1024]; /* path of it, "" without one */
} Answer;

void answer_start(Answer *a);
/* eats up to one answer; *used tells how much */
AnswerState answer_feed(Answer *a, const char *data, size_t len, size_t *used);

#endif

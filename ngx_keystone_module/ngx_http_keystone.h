
/*
 * What the HTTP files of this module share.
 *
 * A request of ours has one context.  Its states:
 *
 *   ASKING  -> WAITING | READING | PASSED | ANSWERED | STREAMING
 *   WAITING -> ASKING        the core calls wake
 *   READING -> ASKING        nginx has read the body
 *   PASSED                   gate: nginx serves the file or proxies
 *   ANSWERED                 the core's answer is, or is about to be, sent
 *   STREAMING -> WAITING     its head is, the rest comes in pieces
 *
 * The context lives in a pool cleanup: it is found there again after an
 * internal redirect, which zeroes r->ctx, and freed after the access log.
 */


#ifndef _NGX_HTTP_KEYSTONE_H_INCLUDED_
#define _NGX_HTTP_KEYSTONE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <ngx_keystone.h>


/* beside the values of ks_room_t */

#define NGX_HTTP_KEYSTONE_OFF        ((ngx_uint_t) 100)

/* a body of the API and of WHIP and WHEP is never larger, bytes */

#define NGX_HTTP_KEYSTONE_MAX_BODY   (64 * 1024)


typedef struct {
    ngx_uint_t                    used;      /* unsigned  used:1; */
} ngx_http_keystone_main_conf_t;


typedef struct {
    ngx_uint_t                    room;      /* ks_room_t or _OFF */
    size_t                        prefix_len;
} ngx_http_keystone_loc_conf_t;


typedef enum {
    NGX_HTTP_KEYSTONE_ASKING = 0,
    NGX_HTTP_KEYSTONE_WAITING,
    NGX_HTTP_KEYSTONE_READING,
    NGX_HTTP_KEYSTONE_PASSED,
    NGX_HTTP_KEYSTONE_ANSWERED,
    NGX_HTTP_KEYSTONE_STREAMING
} ngx_http_keystone_state_e;


typedef struct {
    ngx_queue_t                   queue;     /* all that this worker has */
    ngx_http_request_t           *request;
    ks_http_t                    *http;      /* NULL: nginx refused it first */

    ngx_http_keystone_state_e     state;
    ngx_uint_t                    room;

    ngx_str_t                     uri;       /* as it came, with the token */

    ngx_http_event_handler_pt     resume;    /* WAITING: what wake runs */

    ngx_http_posted_request_t     posted;    /* of wake */

    ngx_chain_t                  *body;      /* filter: replaces the body */

    ngx_chain_t                  *free;      /* STREAMING */
    ngx_chain_t                  *busy;

    unsigned                      body_read:1;
    unsigned                      origin:1;  /* the request has an Origin */
    unsigned                      sent:1;    /* the head is the core's own */
    unsigned                      replaced:1;
    unsigned                      watched:1; /* leave() is among cleanups */
    unsigned                      gone:1;    /* the client left: no wake */
    unsigned                      counted:1; /* ks_http_done() was called */
} ngx_http_keystone_ctx_t;


/* ngx_http_keystone_ctx.c */

ngx_http_keystone_ctx_t *ngx_http_keystone_get_ctx(ngx_http_request_t *r);
ngx_http_keystone_ctx_t *ngx_http_keystone_create_ctx(ngx_http_request_t *r,
    ngx_uint_t room);
ngx_int_t ngx_http_keystone_suspend(ngx_http_keystone_ctx_t *ctx,
    ngx_http_event_handler_pt resume);
void ngx_http_keystone_wake(void *cookie);
void ngx_http_keystone_done(ngx_http_request_t *r,
    ngx_http_keystone_ctx_t *ctx);
void ngx_http_keystone_init_requests(void);
void ngx_http_keystone_free_all(void);

/* ngx_http_keystone_request.c */

ngx_int_t ngx_http_keystone_start(ngx_http_request_t *r,
    ngx_http_keystone_loc_conf_t *klcf, ngx_http_keystone_ctx_t **pctx);
ngx_int_t ngx_http_keystone_give_body(ngx_http_keystone_ctx_t *ctx);
const ks_http_answer_t *ngx_http_keystone_problem(ngx_http_request_t *r,
    ngx_http_keystone_loc_conf_t *klcf, ngx_http_keystone_ctx_t *ctx,
    ngx_uint_t status);

/* ngx_http_keystone_answer.c */

ngx_int_t ngx_http_keystone_send_answer(ngx_http_keystone_ctx_t *ctx);
ngx_int_t ngx_http_keystone_set_answer(ngx_http_request_t *r,
    const ks_http_answer_t *answer, ngx_uint_t copy);
ngx_int_t ngx_http_keystone_set_headers(ngx_http_request_t *r,
    const ks_http_answer_t *answer, ngx_uint_t copy);
ngx_table_elt_t *ngx_http_keystone_find_header(ngx_http_request_t *r,
    const u_char *name, size_t len, ngx_uint_t prefix);
ngx_chain_t *ngx_http_keystone_answer_body(ngx_http_request_t *r,
    const ks_http_answer_t *answer, ngx_uint_t copy);

/* ngx_http_keystone_api.c, ngx_http_keystone_gate.c */

ngx_int_t ngx_http_keystone_api_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_keystone_gate_handler(ngx_http_request_t *r);

/* ngx_http_keystone_stream.c */

void ngx_http_keystone_stream(ngx_http_keystone_ctx_t *ctx);

/* ngx_http_keystone_redact.c */

ngx_int_t ngx_http_keystone_redact_line_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_keystone_redact_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_keystone_redact_uri(ngx_http_keystone_ctx_t *ctx,
    ngx_http_keystone_loc_conf_t *klcf);
void ngx_http_keystone_redact_args(ngx_http_request_t *r);
ngx_int_t ngx_http_keystone_mask(ngx_http_request_t *r,
    ngx_http_keystone_loc_conf_t *klcf, ngx_str_t *uri);

/* ngx_http_keystone_variables.c */

ngx_int_t ngx_http_keystone_add_variables(ngx_conf_t *cf);


extern ngx_module_t  ngx_http_keystone_module;
extern ngx_module_t  ngx_http_keystone_filter_module;


#endif /* _NGX_HTTP_KEYSTONE_H_INCLUDED_ */

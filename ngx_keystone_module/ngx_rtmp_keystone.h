
/*
 * Keystone in nginx-rtmp: may this client publish or play, and under which
 * name does everything behind us see it.
 *
 *              publish, play
 *      IDLE ------------------> WAITING      the core said "not yet"
 *       ^ ^                      | |  |
 *       | |   close_stream       | |  | refused, no answer in time
 *       | +----------------------+ |  v
 *       |                   passed | CLOSING --> the connection is closed by
 *       |      close_stream        v  ^          the client, or by us a second
 *       +----------------------- LIVE |          after the status went out
 *                                  +--+
 *                                  kicked
 *
 * An answer that the core has at once skips WAITING.  ctx->rtmp is there in
 * WAITING and LIVE only, and is freed once: on the way out of these states.
 */


#ifndef _NGX_RTMP_KEYSTONE_H_INCLUDED_
#define _NGX_RTMP_KEYSTONE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_rtmp.h>
#include <ngx_rtmp_cmd_module.h>

#include "ngx_keystone.h"


/* what a client may send while its question is open */
#define NGX_RTMP_KEYSTONE_WAIT_BYTES  (4 * 1024 * 1024)

/* how long a client that got an error status may take to close */
#define NGX_RTMP_KEYSTONE_LINGER      1000

/* milliseconds between two ks_rtmp_media() */
#define NGX_RTMP_KEYSTONE_REPORT      1000


typedef enum {
    NGX_RTMP_KEYSTONE_IDLE = 0,
    NGX_RTMP_KEYSTONE_WAITING,
    NGX_RTMP_KEYSTONE_LIVE,
    NGX_RTMP_KEYSTONE_CLOSING
} ngx_rtmp_keystone_state_e;


typedef struct {
    ngx_uint_t                  enable;    /* by any application */
} ngx_rtmp_keystone_main_conf_t;


typedef struct {
    ngx_uint_t                  enable;    /* by any of its applications */
} ngx_rtmp_keystone_srv_conf_t;


typedef struct {
    ngx_flag_t                  enable;
    ngx_flag_t                  relay;
    ngx_msec_t                  timeout;
} ngx_rtmp_keystone_app_conf_t;


typedef union {
    ngx_rtmp_publish_t          publish;
    ngx_rtmp_play_t             play;
} ngx_rtmp_keystone_command_t;


typedef struct ngx_rtmp_keystone_ctx_s  ngx_rtmp_keystone_ctx_t;

struct ngx_rtmp_keystone_ctx_s {
    ngx_rtmp_session_t         *session;
    ngx_rtmp_keystone_state_e   state;
    int                         action;    /* KS_PUBLISH, KS_PLAY */

    ks_rtmp_t                  *rtmp;
    ngx_queue_t                 queue;     /* while there is one */

    /* the wait, the linger, or a player's report: never two at a time */
    ngx_event_t                 timer;

    /* a word from the core, which must not be acted on inside of its call */
    ngx_event_t                 event;

    /* the command that waits; allocated once */
    ngx_rtmp_keystone_command_t  *command;

    /* among the publishers of this worker */
    ngx_str_node_t              node;

    ngx_uint_t                  log_level;

    ngx_msec_t                  report_at;
    uint32_t                    in_seen;
    uint32_t                    out_seen;
    uint64_t                    bytes_in;
    uint64_t                    bytes_out;

    char                        reason[32];

    /* of a publisher, see relay.c: the session towards its media server */
    ngx_rtmp_session_t         *relay;
    ngx_keystone_node_t        *relay_node;
    ngx_event_t                 relay_timer;
    ngx_msec_t                  relay_pause;
    ngx_msec_t                  relay_since;

    /* of such a session: whose it is */
    ngx_rtmp_keystone_ctx_t    *publisher;

    unsigned                    relay_up:1;
    unsigned                    named:1;   /* node is in the tree */
    unsigned                    media:1;   /* has been reported */
    unsigned                    published:1;   /* once; is never cleared */
    unsigned                    kicked:1;
};


/* session.c: the context and its states */

void ngx_rtmp_keystone_init_sessions(void);
void ngx_rtmp_keystone_end_sessions(void);
ngx_rtmp_keystone_ctx_t *ngx_rtmp_keystone_create_ctx(ngx_rtmp_session_t *s);
ngx_int_t ngx_rtmp_keystone_ask(ngx_rtmp_session_t *s, int action,
    u_char *name, u_char *args);
ngx_int_t ngx_rtmp_keystone_admit(ngx_rtmp_keystone_ctx_t *ctx,
    u_char name[NGX_RTMP_MAX_NAME]);
void ngx_rtmp_keystone_end(ngx_rtmp_keystone_ctx_t *ctx);

/* refuse.c: error statuses, and the close after them */

void ngx_rtmp_keystone_refuse(ngx_rtmp_keystone_ctx_t *ctx, ks_str_t *code,
    ks_str_t *text);
void ngx_rtmp_keystone_refuse_text(ngx_rtmp_keystone_ctx_t *ctx,
    const char *text);
void ngx_rtmp_keystone_kick(ngx_rtmp_keystone_ctx_t *ctx, const char *reason);
const char *ngx_rtmp_keystone_reason(const char *reason);

/* publishers.c: one a name in this worker */

void ngx_rtmp_keystone_init_publishers(void);
ngx_int_t ngx_rtmp_keystone_pushed(ngx_rtmp_session_t *s, u_char *name);
void ngx_rtmp_keystone_take_name(ngx_rtmp_keystone_ctx_t *ctx,
    ngx_str_t *stream);
void ngx_rtmp_keystone_drop_name(ngx_rtmp_keystone_ctx_t *ctx);

/* media.c: what moves */

void ngx_rtmp_keystone_media_start(ngx_rtmp_keystone_ctx_t *ctx);
void ngx_rtmp_keystone_media_tick(ngx_rtmp_keystone_ctx_t *ctx);
void ngx_rtmp_keystone_media_report(ngx_rtmp_keystone_ctx_t *ctx);
ngx_int_t ngx_rtmp_keystone_av(ngx_rtmp_session_t *s, ngx_rtmp_header_t *h,
    ngx_chain_t *in);

/* relay.c: to the media server */

void ngx_rtmp_keystone_relay_init(ngx_rtmp_session_t *s);
void ngx_rtmp_keystone_relay_start(ngx_rtmp_keystone_ctx_t *ctx);
ngx_int_t ngx_rtmp_keystone_relay_made(ngx_rtmp_session_t *s);
void ngx_rtmp_keystone_relay_playing(ngx_rtmp_session_t *s);
void ngx_rtmp_keystone_relay_closed(ngx_rtmp_keystone_ctx_t *ctx);
void ngx_rtmp_keystone_relay_stop(ngx_rtmp_keystone_ctx_t *ctx);

/* auto_push.c */

ngx_int_t ngx_rtmp_keystone_init_auto_push(ngx_cycle_t *cycle);

/* close.c */

void ngx_rtmp_keystone_hook_close(void);

/* connect.c */

ngx_int_t ngx_rtmp_keystone_accept(ngx_rtmp_session_t *s,
    ngx_rtmp_header_t *h, ngx_chain_t *in);
void ngx_rtmp_keystone_hook_connect(void);

/* command.c: publish and play */

ngx_int_t ngx_rtmp_keystone_passed(ngx_rtmp_keystone_ctx_t *ctx,
    ngx_rtmp_keystone_command_t *cmd);
void ngx_rtmp_keystone_hook_commands(void);


/* is this session for the core to decide about? */

ngx_uint_t ngx_rtmp_keystone_gated(ngx_rtmp_session_t *s);


/*
 * At info and below, written with the level that error_log has: that of the
 * connection's own log is kept at notice, see ngx_rtmp_keystone_accept().
 */

#define ngx_rtmp_keystone_log(ctx, level, ...)                                \
    do {                                                                      \
        ngx_log_t   *ks_log_ = (ctx)->session->connection->log;               \
        ngx_uint_t   ks_level_ = ks_log_->log_level;                          \
                                                                              \
        ks_log_->log_level = (ctx)->log_level;                                \
        ngx_log_error(level, ks_log_, 0, __VA_ARGS__);                        \
        ks_log_->log_level = ks_level_;                                       \
    } while (0)


extern ngx_module_t  ngx_rtmp_module;
extern ngx_module_t  ngx_rtmp_keystone_module;


#endif /* _NGX_RTMP_KEYSTONE_H_INCLUDED_ */

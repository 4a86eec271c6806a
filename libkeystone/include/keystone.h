/*
 * libkeystone: the only door.
 *
 * C11, opaque types, no nginx header.  One ks_worker_t a process: it is not
 * thread safe and is called from one event loop only.  A host (nginx, the
 * poll loop of keystonectl, a test) lends it a clock, two alarms, a posted
 * event, fd readiness and threads through ks_host_t.
 *
 * Rules that hold for every function here:
 *   - none blocks, none throws, none calls back into the host's *request*
 *     code: `wake` and `kick` are called from ks_worker_run() only;
 *   - a ks_str_t going in is copied before the call returns; one coming out
 *     is owned by the object it came from and lives until that is freed;
 *   - freeing an object is always allowed, also while it waits: that cancels
 *     the wait and `wake` will not be called any more.
 */

#ifndef KEYSTONE_H
#define KEYSTONE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define KS_NOEXCEPT noexcept
extern "C" {
#else
#define KS_NOEXCEPT
#endif

#if defined(__GNUC__)
#define KS_API __attribute__((visibility("default")))
#else
#define KS_API
#endif


typedef struct {
    const char  *data;
    size_t       len;
} ks_str_t;


/* What a call says.  The values of the first three are those of nginx. */

#define KS_OK       0
#define KS_ERROR   -1    /* out of memory or misuse; a text where one is taken */
#define KS_AGAIN   -2    /* not yet: `wake` will be called once               */
#define KS_PASS     1    /* let it through: see ks_http_pass(), ks_rtmp_pass() */
#define KS_ANSWER   2    /* send ks_http_answer() / refuse with ks_rtmp_refusal() */
#define KS_BODY     3    /* read the request's body, then call ks_http_body()  */
#define KS_STREAM   4    /* send the head of ks_http_answer(), then its pieces:
                            ks_http_next() until KS_END                      */
#define KS_END      5


/* ------------------------------------------------------------------------
 * Host
 */

enum {                   /* levels of ks_host_t.log, as syslog's and nginx's  */
    KS_LOG_EMERG  = 1,
    KS_LOG_ALERT  = 2,
    KS_LOG_CRIT   = 3,
    KS_LOG_ERR    = 4,
    KS_LOG_WARN   = 5,
    KS_LOG_NOTICE = 6,
    KS_LOG_INFO   = 7,
    KS_LOG_DEBUG  = 8
};

enum {                   /* fd readiness, level semantics                     */
    KS_READ  = 1,
    KS_WRITE = 2
};

enum {                   /* thread pools of ks_host_t.offload                 */
    KS_POOL_HASH  = 0,   /* Argon2id: long CPU work, may wait                 */
    KS_POOL_STORE = 1,   /* SQLite: short blocking I/O                        */
    KS_POOL_NAMES = 2,   /* getaddrinfo(): may hang until it gives up         */
    KS_POOLS      = 3
};

typedef struct {
    size_t    size;      /* sizeof(ks_host_t): set by the host               */
    void     *data;      /* first argument of every call below               */

    /* milliseconds; the first never goes back, the second is Unix time      */
    int64_t (*monotonic_ms)(void *data);
    int64_t (*wall_ms)(void *data);

    /* text is not NUL-terminated, holds no line feed and no secret          */
    void    (*log)(void *data, int level, const char *text, size_t len);

    /*
     * Two alarms.  Call ks_worker_run() at monotonic time `at_ms`, or never
     * if it is negative.  Only the one with holds_worker keeps a draining
     * process alive (nginx: a timer that is not cancelable).
     */
    void    (*alarm)(void *data, int holds_worker, int64_t at_ms);

    /* call ks_worker_run() soon, but not from inside this call              */
    void    (*post)(void *data);

    /*
     * Watch a descriptor that the core owns: level-triggered, `token` goes to
     * ks_worker_fd_event().  KS_ERROR when the host has no room for it.
     */
    int     (*fd_watch)(void *data, int fd, unsigned interest, void *token,
                        void **watch);
    void    (*fd_update)(void *data, void *watch, unsigned interest);
    void    (*fd_unwatch)(void *data, void *watch);

    /*
     * Run `run(job)` on a thread of the pool, then `done(job)` on the event
     * loop.  KS_ERROR when the queue of the pool is full: nothing was kept.
     */
    int     (*offload)(void *data, int pool, void (*run)(void *job),
                       void (*done)(void *job), void *job);

    /* fill with bytes of the system's random generator; KS_OK or KS_ERROR   */
    int     (*entropy)(void *data, void *bytes, size_t len);
} ks_host_t;


/* ------------------------------------------------------------------------
 * Configuration: the directives of the keystone { } block.
 */

typedef struct ks_config_s  ks_config_t;

KS_API const char *ks_version(void) KS_NOEXCEPT;

KS_API ks_config_t *ks_config_create(void) KS_NOEXCEPT;
KS_API void ks_config_free(ks_config_t *cf) KS_NOEXCEPT;

/*
 * One directive: words[0] is its name.  Values env:NAME and file:PATH are
 * read here.  KS_ERROR writes what is wrong and what to write instead into
 * `err` (NUL-terminated, cut to errlen, never a secret).
 */
KS_API int ks_config_directive(ks_config_t *cf, const ks_str_t *words,
    size_t nwords, char *err, size_t errlen) KS_NOEXCEPT;

/* After the last directive: defaults, and what only shows as a whole. */
KS_API int ks_config_finish(ks_config_t *cf, char *err, size_t errlen)
    KS_NOEXCEPT;


typedef struct {
    ks_str_t  name;
    ks_str_t  rtmp;          /* HOST:PORT as written; empty: it has none      */
} ks_node_t;

/* The media servers of srs_node, in their order; KS_ERROR: no more of them. */
KS_API int ks_config_node(const ks_config_t *cf, size_t index,
    ks_node_t *node) KS_NOEXCEPT;


/* ------------------------------------------------------------------------
 * Shared memory and worker
 */

typedef struct ks_worker_s  ks_worker_t;

/*
 * Makes a zone out of `size` bytes at `addr`, page aligned, which all workers
 * map at the same address; or adopts the one that stands there already (after
 * a reload) if its layout and size fit, else makes it anew.
 * `key`: 16 random bytes, used when it is made.
 */
KS_API int ks_zone_init(void *addr, size_t size, const unsigned char key[16],
    char *err, size_t errlen) KS_NOEXCEPT;

/*
 * `host` and `zone` are borrowed and outlive the worker; the configuration is
 * copied.  No I/O yet: a store that is down never keeps a worker from starting.
 */
KS_API ks_worker_t *ks_worker_create(const ks_config_t *cf,
    const ks_host_t *host, void *zone, char *err, size_t errlen) KS_NOEXCEPT;

/* Opens the store, starts the tickers.  First thing in a worker's loop. */
KS_API void ks_worker_start(ks_worker_t *w) KS_NOEXCEPT;

/* Does what is due: alarms, posts and completions end here. */
KS_API void ks_worker_run(ks_worker_t *w) KS_NOEXCEPT;

KS_API void ks_worker_fd_event(ks_worker_t *w, void *token, unsigned ready)
    KS_NOEXCEPT;

/* The process drains: keep no idle connection, start nothing that repeats. */
KS_API void ks_worker_drain(ks_worker_t *w) KS_NOEXCEPT;

/*
 * Every ks_http_t and ks_rtmp_t is freed before, and every job that was taken
 * by offload() is done(): join the threads first.  A job that is not done by
 * then is not to be done any more, and ends with the process.
 */
KS_API void ks_worker_destroy(ks_worker_t *w) KS_NOEXCEPT;


/* ------------------------------------------------------------------------
 * HTTP: REST, gate, health, metrics
 *
 *        ks_http_start()
 *   ANSWER | PASS | BODY | AGAIN --wake--> ks_http_state() -> ANSWER|PASS|BODY
 *                     \-> ks_http_body() -> ANSWER | PASS | AGAIN
 *                     \-> STREAM: ks_http_next() -> OK (a piece) | END
 *                                        | AGAIN --wake--> ks_http_next()
 *   PASS: the host serves the file or proxies; when the head of an upstream's
 *   answer is there it calls ks_http_upstream().
 */

typedef struct ks_http_s  ks_http_t;

typedef enum {
    KS_ROOM_API = 0,
    KS_ROOM_RTC,             /* keystone_gate rtc: WHIP and WHEP              */
    KS_ROOM_HLS,             /* keystone_gate hls: playlists, segments, FLV   */
    KS_ROOM_HEALTH,          /* /healthz or /readyz, by the end of the path   */
    KS_ROOM_METRICS
} ks_room_t;

typedef struct {
    ks_str_t  name;          /* in: as received; matched without case         */
    ks_str_t  value;
} ks_header_t;

typedef struct {
    size_t              size;        /* sizeof(ks_http_request_t)             */
    ks_room_t           room;
    ks_str_t            method;
    ks_str_t            uri;         /* path, decoded and normalised (r->uri) */
    size_t              prefix_len;  /* of uri: the location's own prefix     */
    ks_str_t            query;       /* raw, without '?'                      */
    ks_str_t            client_ip;   /* text                                  */
    ks_str_t            scheme;      /* "http" or "https"                     */
    const ks_header_t  *headers;
    size_t              nheaders;
    int64_t             body_len;    /* Content-Length; 0 none; -1 chunked    */
} ks_http_request_t;

typedef struct {
    unsigned            status;
    const ks_header_t  *headers;     /* without Content-Length; with type     */
    size_t              nheaders;
    ks_str_t            body;        /* empty for HEAD, 204 and 304: see len  */
    size_t              body_len;    /* what Content-Length says              */
} ks_http_answer_t;

typedef struct {
    ks_str_t            uri;          /* new r->uri, or empty: keep           */
    ks_str_t            upstream_uri; /* path and query for proxy_pass        */
    ks_str_t            node;         /* name of the SRS node, or empty       */
} ks_http_pass_t;

/* for variables and logs; each may be empty, at any time                     */
typedef struct {
    ks_str_t            stream;
    ks_str_t            session;
    ks_str_t            user;
    ks_str_t            decision;     /* "allow" or a code of api.md          */
    ks_str_t            request_id;
} ks_http_log_t;

typedef struct {
    unsigned            status;       /* 502 and 504 also when nginx made it  */
    int                 connected;    /* 0: no connection came about          */
    int                 answered;     /* 0: the status is nginx's own         */
    ks_str_t            content_type;
    ks_str_t            location;
} ks_http_upstream_t;

typedef void (*ks_wake_pt)(void *cookie);

/* *http is set unless KS_ERROR is returned. */
KS_API int ks_http_start(ks_worker_t *w, const ks_http_request_t *rq,
    ks_wake_pt wake, void *cookie, ks_http_t **http) KS_NOEXCEPT;
KS_API int ks_http_state(ks_http_t *http) KS_NOEXCEPT;
KS_API int ks_http_body(ks_http_t *http, ks_str_t body) KS_NOEXCEPT;

KS_API const ks_http_answer_t *ks_http_answer(ks_http_t *http) KS_NOEXCEPT;
KS_API const ks_http_pass_t *ks_http_pass(ks_http_t *http) KS_NOEXCEPT;
KS_API const ks_http_log_t *ks_http_log(ks_http_t *http) KS_NOEXCEPT;

/*
 * After KS_STREAM; when its last piece has been sent, so that nothing is ever
 * queued for a slow client.  KS_OK: send *piece, which lives until the next
 * call, without buffering it; the length of the whole is not known.  KS_AGAIN:
 * nothing yet, `wake` will be called once.  KS_END: that was the last.
 */
KS_API int ks_http_next(ks_http_t *http, ks_str_t *piece) KS_NOEXCEPT;

/*
 * After KS_PASS, with the head of the answer (also one that nginx made because
 * the upstream failed).  KS_ANSWER: send ks_http_answer() in its place;
 * KS_PASS: keep status and body, and set the headers of ks_http_answer() (its
 * status and body are to be ignored) after removing Location.
 */
KS_API int ks_http_upstream(ks_http_t *http, const ks_http_upstream_t *up)
    KS_NOEXCEPT;

/*
 * An error that nginx itself makes in one of our locations (404, 413, 500 ...),
 * `http` may be NULL.  Gives the problem document to send instead; it lives
 * until the next call of this function with the same worker.
 */
KS_API const ks_http_answer_t *ks_http_problem(ks_worker_t *w, ks_http_t *http,
    const ks_http_request_t *rq, unsigned status) KS_NOEXCEPT;

/* The status that went out and how long it took: counters and histogram. */
KS_API void ks_http_done(ks_http_t *http, unsigned status, int64_t bytes_out)
    KS_NOEXCEPT;

KS_API void ks_http_free(ks_http_t *http) KS_NOEXCEPT;


/* ------------------------------------------------------------------------
 * RTMP: one object for the question and, once passed, for the live session.
 *
 *   ks_rtmp_start() -> PASS | ANSWER (refused) | AGAIN --wake--> ks_rtmp_state()
 *   PASS -> ks_rtmp_media()*, ks_rtmp_relay()* -> ks_rtmp_free()
 */

typedef struct ks_rtmp_s  ks_rtmp_t;

enum {
    KS_PUBLISH = 0,
    KS_PLAY    = 1
};

typedef struct {
    size_t      size;        /* sizeof(ks_rtmp_request_t)                     */
    int         action;
    ks_str_t    app;
    ks_str_t    name;        /* stream id, or the stream key itself           */
    ks_str_t    args;        /* after '?': key=..., token=...                 */
    ks_str_t    client_ip;
    ks_str_t    user_agent;  /* flashVer                                      */
    int         relay;       /* publish: a media server is to get it, too     */
} ks_rtmp_request_t;

typedef struct {
    ks_str_t    stream;      /* the public id: what the stream is called now  */
    ks_str_t    session;
} ks_rtmp_pass_t;

typedef struct {
    ks_str_t    code;        /* NetStream.Publish.BadName, NetStream.Play... */
    ks_str_t    text;        /* for the person at the encoder                 */
} ks_rtmp_refusal_t;

typedef struct {
    ks_str_t    node;        /* name of the media server                      */
    ks_str_t    app;
    ks_str_t    name;        /* with a ticket behind '?': not for any log     */
} ks_rtmp_relay_t;

/* reason: "kicked", "revoked", "disabled", "replaced", ...                   */
typedef void (*ks_kick_pt)(void *cookie, ks_str_t reason);

KS_API int ks_rtmp_start(ks_worker_t *w, const ks_rtmp_request_t *rq,
    ks_wake_pt wake, ks_kick_pt kick, void *cookie, ks_rtmp_t **rtmp)
    KS_NOEXCEPT;
KS_API int ks_rtmp_state(ks_rtmp_t *rtmp) KS_NOEXCEPT;
KS_API const ks_rtmp_pass_t *ks_rtmp_pass(ks_rtmp_t *rtmp) KS_NOEXCEPT;
KS_API const ks_rtmp_refusal_t *ks_rtmp_refusal(ks_rtmp_t *rtmp) KS_NOEXCEPT;

/*
 * Media moves: totals since the start.  The first call turns `connecting` into
 * `active`; later ones (once a second is plenty) carry the byte counts.
 */
KS_API void ks_rtmp_media(ks_rtmp_t *rtmp, uint64_t bytes_in,
    uint64_t bytes_out) KS_NOEXCEPT;

/*
 * Where a publisher that was let in with `relay` is to be sent now.  Ask before
 * every attempt: a reconnect may have to go elsewhere.  The strings live until
 * the next call.  KS_OK, or KS_AGAIN: no server can take it, ask again later.
 */
KS_API int ks_rtmp_relay(ks_rtmp_t *rtmp, ks_rtmp_relay_t *relay) KS_NOEXCEPT;

/* Ends the session if it lives: the encoder or player went. */
KS_API void ks_rtmp_free(ks_rtmp_t *rtmp) KS_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif /* KEYSTONE_H */

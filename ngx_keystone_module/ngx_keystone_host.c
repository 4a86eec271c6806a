
/*
 * ks_host_t on nginx: what the core may ask of the process it lives in.
 *
 * One worker process has one core, hence one of everything here.  The core is
 * entered from the loop only (a timer, a posted event, a descriptor, a finished
 * job, a request) and never from inside one of these calls.
 */


#include <ngx_keystone.h>

#include <sys/random.h>


/* a hold outlives its timer: it is set again until released */

#define NGX_KEYSTONE_HOLD_TIME  60000


typedef struct {
    ks_worker_t          *core;
    ks_host_t             vtable;

    ngx_event_t           alarms[2];     /* by holds_worker */
    int64_t               due[2];        /* as asked, -1: never */
    ngx_event_t           post;

    ngx_event_t           hold;
    ngx_uint_t            holds;

    ngx_connection_t     *quit;             /* an idle one: see below */

    unsigned              draining:1;

    /* the fd that debug messages about our events show */
    ngx_connection_t      dumb;
} ngx_keystone_host_t;


static void ngx_keystone_alarm_handler(ngx_event_t *ev);
static void ngx_keystone_post_handler(ngx_event_t *ev);
static void ngx_keystone_watch_quit(ngx_keystone_host_t *h, ngx_log_t *log);
static void ngx_keystone_quit_handler(ngx_event_t *ev);
static void ngx_keystone_hold_handler(ngx_event_t *ev);

static int64_t ngx_keystone_monotonic(void *data);
static int64_t ngx_keystone_wall(void *data);
static void ngx_keystone_log(void *data, int level, const char *text,
    size_t len);
static void ngx_keystone_alarm(void *data, int holds_worker, int64_t at_ms);
static void ngx_keystone_post(void *data);
static int ngx_keystone_host_entropy(void *data, void *bytes, size_t len);


static ngx_keystone_host_t  ngx_keystone_host;


ks_worker_t *
ngx_keystone_host_init(ngx_cycle_t *cycle, ngx_keystone_conf_t *kcf)
{
    char                  err[NGX_KEYSTONE_ERR_LEN];
    ks_host_t            *v;
    ngx_uint_t            i;
    ngx_keystone_host_t  *h;

    h = &ngx_keystone_host;

    ngx_memzero(h, sizeof(ngx_keystone_host_t));

    h->dumb.fd = (ngx_socket_t) -1;

    for (i = 0; i < 2; i++) {
        h->due[i] = -1;
        h->alarms[i].handler = ngx_keystone_alarm_handler;
        h->alarms[i].data = &h->dumb;
        h->alarms[i].log = cycle->log;
        h->alarms[i].cancelable = (i == 0);
    }

    h->post.handler = ngx_keystone_post_handler;
    h->post.data = &h->dumb;
    h->post.log = cycle->log;

    h->hold.handler = ngx_keystone_hold_handler;
    h->hold.data = &h->dumb;
    h->hold.log = cycle->log;

    ngx_keystone_threads_init(kcf->pools);

    v = &h->vtable;

    v->size = sizeof(ks_host_t);
    v->data = h;
    v->monotonic_ms = ngx_keystone_monotonic;
    v->wall_ms = ngx_keystone_wall;
    v->log = ngx_keystone_log;
    v->alarm = ngx_keystone_alarm;
    v->post = ngx_keystone_post;
    v->fd_watch = ngx_keystone_fd_watch;
    v->fd_update = ngx_keystone_fd_update;
    v->fd_unwatch = ngx_keystone_fd_unwatch;
    v->offload = ngx_keystone_offload;
    v->entropy = ngx_keystone_host_entropy;

    err[0] = '\0';

    h->core = ks_worker_create(kcf->config, v, kcf->shm_zone->data, err,
                               sizeof(err));
    if (h->core == NULL) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                      "keystone: this worker runs without it: %s", err);
        return NULL;
    }

    ngx_keystone_watch_quit(h, cycle->log);

    /* the first turn of the loop starts the core */

    ngx_post_event(&h->post, &ngx_posted_next_events);

    return h->core;
}


void
ngx_keystone_host_exit(void)
{
    ngx_uint_t            i;
    ngx_connection_t     *c;
    ngx_keystone_host_t  *h;

    h = &ngx_keystone_host;

    h->core = NULL;

    for (i = 0; i < 2; i++) {
        if (h->alarms[i].timer_set) {
            ngx_del_timer(&h->alarms[i]);
        }
    }

    if (h->hold.timer_set) {
        ngx_del_timer(&h->hold);
    }

    if (h->post.posted) {
        ngx_delete_posted_event(&h->post);
    }

    c = h->quit;

    if (c) {
        (void) ngx_close_file(c->fd);

        ngx_free_connection(c);
        c->fd = (ngx_socket_t) -1;

        h->quit = NULL;
    }
}


/*
 * A worker that has nothing to do would be gone before the core heard that it
 * is to end, but nginx calls what reads from idle connections.
 */

static void
ngx_keystone_watch_quit(ngx_keystone_host_t *h, ngx_log_t *log)
{
    ngx_fd_t           fd;
    ngx_connection_t  *c;

    fd = ngx_open_file("/dev/null", NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      ngx_open_file_n " \"/dev/null\" failed");
        return;
    }

    c = ngx_get_connection(fd, log);
    if (c == NULL) {
        (void) ngx_close_file(fd);
        return;
    }

    c->log = log;
    c->idle = 1;

    c->read->handler = ngx_keystone_quit_handler;
    c->read->log = log;

    c->write->handler = ngx_keystone_quit_handler;
    c->write->log = log;

    h->quit = c;
}


static void
ngx_keystone_quit_handler(ngx_event_t *ev)
{
    ngx_keystone_run();
}


void
ngx_keystone_run(void)
{
    ks_worker_t          *core;
    ngx_keystone_host_t  *h;

    h = &ngx_keystone_host;

    core = ngx_keystone_worker();

    if (core == NULL) {
        return;
    }

    if (ngx_exiting && !h->draining) {
        h->draining = 1;
        ks_worker_drain(core);
    }

    ks_worker_run(core);
}


static void
ngx_keystone_alarm_handler(ngx_event_t *ev)
{
    ngx_keystone_host_t  *h;

    h = &ngx_keystone_host;

    h->due[ev == &h->alarms[1]] = -1;

    ngx_keystone_run();
}


static void
ngx_keystone_post_handler(ngx_event_t *ev)
{
    ngx_keystone_run();
}


void
ngx_keystone_hold(void)
{
    ngx_keystone_host_t  *h;

    h = &ngx_keystone_host;

    if (h->holds++ == 0) {
        ngx_add_timer(&h->hold, NGX_KEYSTONE_HOLD_TIME);
    }
}


void
ngx_keystone_release(void)
{
    ngx_keystone_host_t  *h;

    h = &ngx_keystone_host;

    if (--h->holds == 0 && h->hold.timer_set) {
        ngx_del_timer(&h->hold);
    }
}


static void
ngx_keystone_hold_handler(ngx_event_t *ev)
{
    if (ngx_keystone_host.holds) {
        ngx_add_timer(ev, NGX_KEYSTONE_HOLD_TIME);
    }
}


static int64_t
ngx_keystone_monotonic(void *data)
{
    return (int64_t) ngx_current_msec;
}


static int64_t
ngx_keystone_wall(void *data)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + (int64_t) tp->msec;
}


static void
ngx_keystone_log(void *data, int level, const char *text, size_t len)
{
    if (level < KS_LOG_EMERG || level > KS_LOG_DEBUG) {
        level = KS_LOG_ERR;
    }

    ngx_log_error((ngx_uint_t) level, ngx_cycle->log, 0, "keystone: %*s",
                  len, text);
}


static void
ngx_keystone_alarm(void *data, int holds_worker, int64_t at_ms)
{
    ngx_keystone_host_t *h = data;

    int64_t       delay;
    ngx_uint_t    i;
    ngx_event_t  *ev;

    i = holds_worker ? 1 : 0;
    ev = &h->alarms[i];

    if (h->due[i] == at_ms) {
        return;
    }

    /* ngx_add_timer() alone would keep a timer up to 300 ms off */

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    if (at_ms < 0) {
        h->due[i] = -1;
        return;
    }

    h->due[i] = at_ms;

    delay = at_ms - (int64_t) ngx_current_msec;

    if (delay < 0) {
        delay = 0;
    }

    ngx_add_timer(ev, (ngx_msec_t) delay);
}


static void
ngx_keystone_post(void *data)
{
    ngx_keystone_host_t *h = data;

    /*
     * Not ngx_posted_events: the loop may wait for descriptors first, and
     * an event that posts itself would keep it from ever doing so.
     */

    if (!h->post.posted) {
        ngx_post_event(&h->post, &ngx_posted_next_events);
    }
}


static int
ngx_keystone_host_entropy(void *data, void *bytes, size_t len)
{
    return ngx_keystone_entropy(bytes, len) == NGX_OK ? KS_OK : KS_ERROR;
}


ngx_int_t
ngx_keystone_entropy(void *bytes, size_t len)
{
    u_char   *p;
    ssize_t   n;

    p = bytes;

    while (len) {
        n = getrandom(p, len, 0);

        if (n == -1) {
            if (ngx_errno == NGX_EINTR) {
                continue;
            }

            return NGX_ERROR;
        }

        p += n;
        len -= n;
    }

    return NGX_OK;
}


/*
 * Descriptors that the core, or a library of its, owns.
 */


#include <ngx_keystone.h>


static ngx_int_t ngx_keystone_fd_interest(ngx_connection_t *c,
    unsigned interest);
static void ngx_keystone_fd_handler(ngx_event_t *ev);


/*
 * Level-triggered: a library that reads a part of
 * what is there has to hear of the rest.  ngx_handle_read_event() would make
 * it edge-triggered.
 */

int
ngx_keystone_fd_watch(void *data, int fd, unsigned interest, void *token,
    void **watch)
{
    ngx_log_t         *log;
    ngx_connection_t  *c;

    log = ngx_cycle->log;

    c = ngx_get_connection(fd, log);
    if (c == NULL) {
        return KS_ERROR;
    }

    c->data = token;
    c->log = log;

    c->read->handler = ngx_keystone_fd_handler;
    c->read->log = log;

    c->write->handler = ngx_keystone_fd_handler;
    c->write->log = log;

    if (ngx_keystone_fd_interest(c, interest) != NGX_OK) {
        ngx_keystone_fd_unwatch(data, c);
        return KS_ERROR;
    }

    *watch = c;

    return KS_OK;
}


void
ngx_keystone_fd_update(void *data, void *watch, unsigned interest)
{
    (void) ngx_keystone_fd_interest(watch, interest);
}


static ngx_int_t
ngx_keystone_fd_interest(ngx_connection_t *c, unsigned interest)
{
    if ((interest & KS_READ) && !c->read->active) {

        if (ngx_add_event(c->read, NGX_READ_EVENT, NGX_LEVEL_EVENT)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

    } else if (!(interest & KS_READ) && c->read->active) {

        if (ngx_del_event(c->read, NGX_READ_EVENT, 0) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if ((interest & KS_WRITE) && !c->write->active) {

        if (ngx_add_event(c->write, NGX_WRITE_EVENT, NGX_LEVEL_EVENT)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

    } else if (!(interest & KS_WRITE) && c->write->active) {

        if (ngx_del_event(c->write, NGX_WRITE_EVENT, 0) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* the descriptor is still open, and closed by its owner after this */

void
ngx_keystone_fd_unwatch(void *data, void *watch)
{
    ngx_connection_t *c = watch;

    if (ngx_del_conn) {
        if (c->read->active || c->write->active) {
            ngx_del_conn(c, 0);
        }

    } else {
        if (c->read->active) {
            ngx_del_event(c->read, NGX_READ_EVENT, 0);
        }

        if (c->write->active) {
            ngx_del_event(c->write, NGX_WRITE_EVENT, 0);
        }
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    /* turns events of this turn of the loop into stale ones */

    c->read->closed = 1;
    c->write->closed = 1;

    ngx_free_connection(c);

    c->fd = (ngx_socket_t) -1;
}


static void
ngx_keystone_fd_handler(ngx_event_t *ev)
{
    ks_worker_t       *core;
    ngx_connection_t  *c;

    c = ev->data;
    core = ngx_keystone_worker();

    if (core == NULL) {
        return;
    }

    /*
     * worker_shutdown_timeout marks every connection and calls it, though
     * there is nothing to read.  What is left to be done here needs these.
     */

    if (c->close) {
        c->close = 0;
        c->error = 0;
        return;
    }

    ks_worker_fd_event(core, c->data, ev->write ? KS_WRITE : KS_READ);

    ngx_keystone_run();
}

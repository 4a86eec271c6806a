
/*
 * Makes rtmp_auto_push work where nginx-rtmp was loaded as a module.
 *
 * It opens a socket in each worker and leaves it to the event module to accept
 * from it, as that one is initialised later: true where nginx-rtmp is linked
 * in, not where it is loaded.  There nothing is ever accepted, and a worker
 * with live streams that is told to quit crashes: the listening made from a
 * copy of another one shares its connection, which is freed twice.
 */


#include "ngx_rtmp_keystone.h"


static ngx_listening_t *ngx_rtmp_keystone_auto_push_socket(ngx_cycle_t *cycle);


ngx_int_t
ngx_rtmp_keystone_init_auto_push(ngx_cycle_t *cycle)
{
    ngx_event_t       *rev;
    ngx_listening_t   *ls;
    ngx_connection_t  *c;

    ls = ngx_rtmp_keystone_auto_push_socket(cycle);
    if (ls == NULL) {
        return NGX_OK;
    }

    /* as ngx_event_process_init() does */

    c = ngx_get_connection(ls->fd, cycle->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->type = ls->type;
    c->log = &ls->log;
    c->listening = ls;

    ls->connection = c;

    rev = c->read;
    rev->log = c->log;
    rev->accept = 1;
    rev->handler = ngx_event_accept;

    if (ngx_use_accept_mutex) {
        return NGX_OK;
    }

    return ngx_add_event(rev, NGX_READ_EVENT, 0);
}


/* The one that has no connection of its own. */

static ngx_listening_t *
ngx_rtmp_keystone_auto_push_socket(ngx_cycle_t *cycle)
{
    ngx_uint_t        i, n;
    ngx_listening_t  *ls;

    if (ngx_process != NGX_PROCESS_WORKER) {
        return NULL;
    }

    ls = cycle->listening.elts;

    for (i = 0; i < cycle->listening.nelts; i++) {

        if (ls[i].handler != ngx_rtmp_init_connection
            || ls[i].sockaddr->sa_family != AF_UNIX)
        {
            continue;
        }

        for (n = 0; n < i; n++) {
            if (ls[n].connection && ls[n].connection == ls[i].connection) {
                return &ls[i];
            }
        }
    }

    return NULL;
}

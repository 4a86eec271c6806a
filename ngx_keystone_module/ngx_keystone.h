
/*
 * What every file of this module, and the RTMP module beside it, shares: the
 * configuration of the keystone { } block and the core's worker object.
 */


#ifndef _NGX_KEYSTONE_H_INCLUDED_
#define _NGX_KEYSTONE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_thread_pool.h>

#include <keystone.h>


#define NGX_KEYSTONE_ERR_LEN    1024


typedef struct {
    ngx_str_t                 name;
    ngx_int_t                 threads;
    ngx_int_t                 max_queue;
    ngx_thread_pool_t        *pool;
} ngx_keystone_pool_t;


typedef struct {
    ngx_str_t                 name;
    ngx_url_t                 rtmp;          /* resolved */
    ngx_uint_t                turn;          /* among its addresses */
} ngx_keystone_node_t;


/* one cycle's; made even when there is no block */

typedef struct {
    ks_config_t              *config;        /* NULL: there is no block */
    ngx_shm_zone_t           *shm_zone;

    ngx_keystone_pool_t       pools[KS_POOLS];

    /* the first directive that is of no use without the block */
    const char               *needed_by;
    u_char                   *needed_file;
    ngx_uint_t                needed_line;

    ngx_array_t               nodes;         /* if something asked for them */
    const char               *nodes_for;
    u_char                   *nodes_file;
    ngx_uint_t                nodes_line;
} ngx_keystone_conf_t;


typedef void (*ngx_keystone_exit_pt)(void);


/*
 * The core of this process, or NULL: no keystone { } block, or a process that
 * serves nobody (master, cache manager, nginx -t).  Valid from the init_process
 * of ngx_keystone_module until the exit handlers below have run.
 */
ks_worker_t *ngx_keystone_worker(void);

/*
 * Called for a directive that does nothing without the block, which may stand
 * before or after it: when the whole file has been read and there is none,
 * nginx -t fails and names the directive.  The text is not copied.
 */
char *ngx_keystone_require(ngx_conf_t *cf, const char *directive);

/*
 * The same for a directive that sends to media servers: nginx -t fails unless
 * there is one, and each has an RTMP address that could be resolved.
 */
char *ngx_keystone_require_nodes(ngx_conf_t *cf, const char *directive);

/* NULL: there is none of this name, or no directive asked for them. */
ngx_keystone_node_t *ngx_keystone_node(ks_str_t *name);

/*
 * At the end of a process (which TERM makes come with requests and sessions
 * still open) the core goes last: a handler frees every ks_http_t or ks_rtmp_t
 * of its module.  Called from init_process, a few at most; never undone.
 */
ngx_int_t ngx_keystone_add_exit(ngx_keystone_exit_pt handler);

/*
 * While anything holds, a process told to quit goes on: a timer that is not
 * cancelable runs.  Calls are counted.
 */
void ngx_keystone_hold(void);
void ngx_keystone_release(void);


/* ngx_keystone_conf.c */

char *ngx_keystone_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* ngx_keystone_zone.c */

char *ngx_keystone_zone_directive(ngx_conf_t *cf, ngx_keystone_conf_t *kcf);
char *ngx_keystone_zone_default(ngx_conf_t *cf, ngx_keystone_conf_t *kcf);

/* ngx_keystone_nodes.c */

char *ngx_keystone_init_nodes(ngx_cycle_t *cycle, ngx_keystone_conf_t *kcf);

/* ngx_keystone_host.c */

ks_worker_t *ngx_keystone_host_init(ngx_cycle_t *cycle,
    ngx_keystone_conf_t *kcf);
void ngx_keystone_host_exit(void);
void ngx_keystone_run(void);
ngx_int_t ngx_keystone_entropy(void *bytes, size_t len);

/* ngx_keystone_fd.c, ngx_keystone_thread.c: calls of ks_host_t */

int ngx_keystone_fd_watch(void *data, int fd, unsigned interest, void *token,
    void **watch);
void ngx_keystone_fd_update(void *data, void *watch, unsigned interest);
void ngx_keystone_fd_unwatch(void *data, void *watch);

void ngx_keystone_threads_init(ngx_keystone_pool_t *pools);
int ngx_keystone_offload(void *data, int pool, void (*run)(void *job),
    void (*done)(void *job), void *job);


#define ngx_keystone_to_ks(dst, src)                                          \
    (dst)->data = (const char *) (src)->data;                                 \
    (dst)->len = (src)->len

#define ngx_keystone_to_ngx(dst, src)                                         \
    (dst)->data = (u_char *) (src)->data;                                     \
    (dst)->len = (src)->len


extern ngx_module_t  ngx_keystone_module;


#endif /* _NGX_KEYSTONE_H_INCLUDED_ */

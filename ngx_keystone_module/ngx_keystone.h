
/*
 * What every file of this module, and the RTMP module beside it, shares: the
 * configuration of the keystone { } block and the core's worker object.
 */


#ifndef _NGX_KEYSTONE_H_INCLUDED_
#define _NGX_KEYSTONE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include <keystone.h>


#define NGX_KEYSTONE_ZONE_MIN   (8 * 1024 * 1024)
#define NGX_KEYSTONE_ZONE_SIZE  (32 * 1024 * 1024)


typedef struct {
    ngx_str_t             name;
    ngx_int_t             threads;
    ngx_int_t             max_queue;
    ngx_thread_pool_t    *pool;
} ngx_keystone_pool_t;


/* the keystone { } block of one cycle */

typedef struct {
    ks_config_t          *config;
    ngx_shm_zone_t       *shm_zone;
    ngx_keystone_pool_t   pools[2];      /* by KS_POOL_HASH, KS_POOL_STORE */
    ngx_flag_t            zone_set;
    u_char               *file;          /* where the block stands */
    ngx_uint_t            line;
} ngx_keystone_conf_t;


/*
 * The core of this process, or NULL: no keystone { } block, or a process that
 * serves nobody (master, cache manager, nginx -t).  Valid from this module's
 * init_process to its exit_process.
 */
ks_worker_t *ngx_keystone_worker(void);

/*
 * The block of the cycle that is being configured or runs, or NULL when there
 * is none.  The block may stand behind the one that asks: in http { } and
 * rtmp { } ask from a postconfiguration handler at the earliest, and rely on
 * ngx_keystone_require() for the final word.
 */
ngx_keystone_conf_t *ngx_keystone_get_conf(ngx_cycle_t *cycle);

/*
 * Called for a directive that is of no use without the block; if the whole
 * file has been read and there is none, nginx -t fails naming this directive.
 * The text of the name is not copied.
 */
char *ngx_keystone_require(ngx_conf_t *cf, const char *directive);


#define ngx_keystone_to_ks(dst, src)                                          \
    (dst)->data = (const char *) (src)->data;                                 \
    (dst)->len = (src)->len

#define ngx_keystone_to_ngx(dst, src)                                         \
    (dst)->data = (u_char *) (src)->data;                                     \
    (dst)->len = (src)->len


extern ngx_module_t  ngx_keystone_module;


#endif /* _NGX_KEYSTONE_H_INCLUDED_ */

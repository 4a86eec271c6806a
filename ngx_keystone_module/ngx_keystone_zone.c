
/*
 * The shared memory zone: nginx makes and keeps it, the core lays it out.
 *
 * nginx puts a slab pool into every zone, and unlocks its mutex when a process
 * dies; the pool stays, and gives all its pages to the core in one piece.
 */


#include <ngx_keystone.h>


#define NGX_KEYSTONE_ZONE_MIN   (8 * 1024 * 1024)
#define NGX_KEYSTONE_ZONE_SIZE  (32 * 1024 * 1024)
#define NGX_KEYSTONE_ZONE_KEY   16


static char *ngx_keystone_zone_add(ngx_conf_t *cf, ngx_keystone_conf_t *kcf,
    ngx_str_t *name, size_t size);
static ngx_int_t ngx_keystone_zone_init(ngx_shm_zone_t *shm_zone, void *data);


char *
ngx_keystone_zone_directive(ngx_conf_t *cf, ngx_keystone_conf_t *kcf)
{
    u_char     *p;
    ssize_t     size;
    ngx_str_t  *value, name, s;

    value = cf->args->elts;

    if (kcf->shm_zone) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"zone\" is duplicate");
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts != 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"zone\" takes one value; "
                           "write \"zone keystone:32m\"");
        return NGX_CONF_ERROR;
    }

    p = (u_char *) ngx_strchr(value[1].data, ':');

    if (p == NULL || p == value[1].data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone \"%V\"; write a name and a size, "
                           "\"zone keystone:32m\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    name.data = value[1].data;
    name.len = p - value[1].data;

    s.data = p + 1;
    s.len = value[1].data + value[1].len - s.data;

    size = ngx_parse_size(&s);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size in zone \"%V\"; "
                           "write it like \"32m\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (size < NGX_KEYSTONE_ZONE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small; give it 8m or more",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    return ngx_keystone_zone_add(cf, kcf, &name, size);
}


char *
ngx_keystone_zone_default(ngx_conf_t *cf, ngx_keystone_conf_t *kcf)
{
    ngx_str_t  name = ngx_string("keystone");

    return ngx_keystone_zone_add(cf, kcf, &name, NGX_KEYSTONE_ZONE_SIZE);
}


static char *
ngx_keystone_zone_add(ngx_conf_t *cf, ngx_keystone_conf_t *kcf,
    ngx_str_t *name, size_t size)
{
    ngx_shm_zone_t  *shm_zone;

    shm_zone = ngx_shared_memory_add(cf, name, size, &ngx_keystone_module);
    if (shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    shm_zone->init = ngx_keystone_zone_init;

    kcf->shm_zone = shm_zone;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_keystone_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    char              err[NGX_KEYSTONE_ERR_LEN];
    void             *addr;
    size_t            size;
    u_char            key[NGX_KEYSTONE_ZONE_KEY];
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    size = (size_t) (shpool->last - shpool->pages) * ngx_pagesize;

    if (data) {

        /* a reload: the zone of the last cycle, of the same size */

        addr = data;

    } else if (shm_zone->shm.exists) {
        addr = shpool->data;

    } else {
        addr = ngx_slab_alloc(shpool, size);

        if (addr == NULL) {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "could not allocate the pages of zone \"%V\"",
                          &shm_zone->shm.name);
            return NGX_ERROR;
        }

        shpool->data = addr;
    }

    if (ngx_keystone_entropy(key, sizeof(key)) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, ngx_errno,
                      "getrandom() failed");
        return NGX_ERROR;
    }

    err[0] = '\0';

    if (ks_zone_init(addr, size, key, err, sizeof(err)) != KS_OK) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "zone \"%V\": %s", &shm_zone->shm.name, err);
        return NGX_ERROR;
    }

    ngx_explicit_memzero(key, sizeof(key));

    shm_zone->data = addr;

    return NGX_OK;
}


/*
 * Jobs of the core on the thread pools that the block has made.
 */


#include <ngx_keystone.h>

#include <sys/resource.h>
#include <sys/syscall.h>


#define NGX_KEYSTONE_HASH_NICE  10


typedef struct {
    ngx_thread_task_t     task;

    ngx_uint_t            pool;
    void                (*run)(void *job);
    void                (*done)(void *job);
    void                 *job;
} ngx_keystone_job_t;


static void ngx_keystone_job_thread(void *data, ngx_log_t *log);
static void ngx_keystone_job_done(ngx_event_t *ev);


static ngx_keystone_pool_t  *ngx_keystone_pools;
static ngx_uint_t            ngx_keystone_jobs[KS_POOLS];     /* in flight */


void
ngx_keystone_threads_init(ngx_keystone_pool_t *pools)
{
    ngx_keystone_pools = pools;

    ngx_memzero(ngx_keystone_jobs, sizeof(ngx_keystone_jobs));
}


int
ngx_keystone_offload(void *data, int pool, void (*run)(void *job),
    void (*done)(void *job), void *job)
{
    ngx_keystone_job_t   *kj;
    ngx_keystone_pool_t  *kp;

    kp = &ngx_keystone_pools[pool];

    if (ngx_keystone_jobs[pool]
        >= (ngx_uint_t) (kp->threads + kp->max_queue))
    {
        return KS_ERROR;
    }

    /* not from a pool of nginx: a job outlives the request that wanted it */

    kj = ngx_calloc(sizeof(ngx_keystone_job_t), ngx_cycle->log);
    if (kj == NULL) {
        return KS_ERROR;
    }

    kj->task.ctx = kj;
    kj->task.handler = ngx_keystone_job_thread;
    kj->task.event.handler = ngx_keystone_job_done;
    kj->task.event.data = kj;
    kj->task.event.log = ngx_cycle->log;

    kj->pool = pool;
    kj->run = run;
    kj->done = done;
    kj->job = job;

    if (ngx_thread_task_post(kp->pool, &kj->task) != NGX_OK) {
        ngx_free(kj);
        return KS_ERROR;
    }

    ngx_keystone_jobs[pool]++;
    ngx_keystone_hold();

    return KS_OK;
}


/* runs in a thread: nothing of nginx may be touched here, not even its log */

static void
ngx_keystone_job_thread(void *data, ngx_log_t *log)
{
    ngx_keystone_job_t *kj = data;

    static __thread ngx_uint_t  nice;

    /* passwords may wait for the event loop, not the other way round */

    if (kj->pool == KS_POOL_HASH && !nice) {
        nice = 1;
        (void) setpriority(PRIO_PROCESS, (id_t) syscall(SYS_gettid),
                           NGX_KEYSTONE_HASH_NICE);
    }

    kj->run(kj->job);
}


static void
ngx_keystone_job_done(ngx_event_t *ev)
{
    ngx_keystone_job_t *kj = ev->data;

    void   *job;
    void  (*done)(void *job);

    done = kj->done;
    job = kj->job;

    ngx_keystone_jobs[kj->pool]--;
    ngx_free(kj);

    if (ngx_keystone_worker()) {
        done(job);
        ngx_keystone_run();
    }

    ngx_keystone_release();
}

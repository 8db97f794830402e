// SPDX-License-Identifier: GPL-2.0-only
/* How the programs come to the target, in a process that holds them, and when they begin to record. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../log.h"
#include "tracer_state.h"

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- attaching -------------------------------------------------------------------------- */

static int attach_multi(struct attach_args *a, char *why, size_t why_size)
{
	LIBBPF_OPTS(bpf_uprobe_multi_opts, opts);
	const struct probe_plan *plan = &a->t->plan;
	unsigned long offsets[VTBPF_MAX_COOKIES], ref_ctrs[VTBPF_MAX_COOKIES] = {};
	__u64 cookies[VTBPF_MAX_COOKIES];
	size_t n = plan->n_sites;
	bool any_ref = false;

	for (size_t i = 0; i < plan->n_sites; i++) {
		offsets[i] = plan->sites[i].offset;
		ref_ctrs[i] = plan->sites[i].ref_ctr_offset;
		any_ref |= ref_ctrs[i] != 0;
		cookies[i] = i;
	}
	n += tracer_other__sites(a->t, offsets + n, cookies + n);
	opts.offsets = offsets;
	opts.cookies = cookies;
	opts.ref_ctr_offsets = any_ref ? ref_ctrs : NULL;
	opts.cnt = n;
	if (bpf_program__attach_uprobe_multi(tracer__site_program(a->t, 0), a->pid, a->path, NULL,
					     &opts))
		return 0;
	snprintf(why, why_size, "the kernel refuses the probes: %s", strerror(errno));
	return -errno;
}

/* Those that are no calls'. */
static int attach_others(struct attach_args *a, char *why, size_t why_size)
{
	unsigned long offsets[VTBPF_MAX_COOKIES];
	__u64 cookies[VTBPF_MAX_COOKIES];
	size_t n = tracer_other__sites(a->t, offsets, cookies);

	for (size_t i = 0; i < n; i++) {
		LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = cookies[i]);

		if (bpf_program__attach_uprobe_opts(tracer__site_program(a->t, 0), a->pid, a->path,
						    offsets[i], &opts))
			continue;
		snprintf(why, why_size, "the kernel refuses the probe at 0x%lx: %s", offsets[i],
			 strerror(errno));
		return -errno;
	}
	return 0;
}

static int attach_each(struct attach_args *a, char *why, size_t why_size)
{
	const struct probe_plan *plan = &a->t->plan;

	for (size_t i = 0; i < plan->n_sites; i++) {
		const struct probe_site *s = &plan->sites[i];
		LIBBPF_OPTS(bpf_uprobe_opts, opts, .ref_ctr_offset = s->ref_ctr_offset,
			    .bpf_cookie = a->t->variant == TRACER_COOKIES ? i : 0);

		if (bpf_program__attach_uprobe_opts(tracer__site_program(a->t, i), a->pid, a->path,
						    s->offset, &opts))
			continue;
		snprintf(why, why_size, "the kernel refuses the probe at %s+0x%lx: %s", s->name,
			 (unsigned long)s->offset, strerror(errno));
		return -errno;
	}
	return attach_others(a, why, why_size);
}

static int watch(struct tracer *t, struct bpf_link **links)
{
	links[0] = bpf_program__attach_raw_tracepoint(t->skel->progs.on_thread_exit,
						      "sched_process_exit");
	if (!links[0])
		return -errno;
	links[1] = bpf_program__attach_raw_tracepoint(t->skel->progs.on_exec, "sched_process_exec");
	if (!links[1])
		return -errno;
	links[2] = NULL;
	if (!t->following)
		return 0;
	links[2] = bpf_program__attach_raw_tracepoint(t->skel->progs.on_fork, "sched_process_fork");
	return links[2] ? 0 : -errno;
}

int tracer__watch(struct tracer *t)
{
	int err = watch(t, t->watch);

	if (err)
		log_error("cannot watch for exits of threads: %s", strerror(-err));
	return err;
}

/* The links are not kept as objects: they live as long as their descriptors. */
int tracer__watch_in_holder(struct tracer *t, char *why, size_t why_size)
{
	struct bpf_link *links[TRACER_WATCHES];
	int err = t->watch[0] ? 0 : watch(t, links);

	if (err)
		snprintf(why, why_size, "cannot watch for exits of threads: %s", strerror(-err));
	return err;
}

/* Runs in the holder. */
static int attach_all(void *ctx, char *why, size_t why_size)
{
	struct attach_args *a = ctx;
	int err = tracer__watch_in_holder(a->t, why, why_size);

	if (!err)
		err = tracer_sched__attach(a->t, why, why_size);
	if (!err)
		err = tracer_gil__attach(a, why, why_size);
	if (!err)
		err = tracer_exceptions__attach(a, why, why_size);
	if (!err)
		err = tracer_async__attach(a->t, why, why_size);
	if (err)
		return err;
	err = a->t->variant == TRACER_MULTI ? attach_multi(a, why, why_size) :
					      attach_each(a, why, why_size);
	if (!err)
		err = tracer_c_calls__attach(a, why, why_size);
	if (!err && a->t->budgeted)
		tracer__begin_spending(a->t);
	return err;
}

int tracer__add_target(struct tracer *t, pid_t pid, uint64_t since)
{
	struct target_process named = { .since = since };
	__u32 tgid = pid;

	if (t->skel->rodata->follows_another)
		return 0;
	return bpf_map_update_elem(tracer__family_fd(t), &tgid, &named, BPF_ANY) ? -errno : 0;
}

void tracer__claim_target(struct tracer *t, pid_t pid)
{
	struct target_process p;
	__u32 tgid = pid;

	if (bpf_map_lookup_elem(tracer__family_fd(t), &tgid, &p) || p.seen)
		return;
	p.seen = t->skel->rodata->own_recording;
	bpf_map_update_elem(tracer__family_fd(t), &tgid, &p, BPF_EXIST);
}

int tracer__family_fd(const struct tracer *t)
{
	return bpf_map__fd(t->skel->maps.targets);
}

void tracer__each_target(const struct tracer *t, void (*fn)(void *ctx, pid_t pid), void *ctx)
{
	int fd = tracer__family_fd(t);
	__u32 max = bpf_map__max_entries(t->skel->maps.targets), tgid, *at = NULL;

	/* One that is forgotten meanwhile lets the walk begin anew. */
	for (__u32 i = 0; i < 2 * max && !bpf_map_get_next_key(fd, at, &tgid); i++, at = &tgid)
		fn(ctx, tgid);
}

/* Its id may be another process's by now, which belongs to the family as well. */
void tracer__forget_target(struct tracer *t, pid_t pid)
{
	struct target_process p;
	__u32 tgid = pid;

	if (!t->skel->rodata->follows_another &&
	    !bpf_map_lookup_elem(tracer__family_fd(t), &tgid, &p) && p.ended)
		bpf_map_delete_elem(tracer__family_fd(t), &tgid);
}

/* A process that is to come cannot be named: where they are followed, every process of that program has
 * the probes, and the BPF side tells whose hits count. */
int tracer__attach(struct tracer *t, pid_t pid, int fd)
{
	struct attach_args args = { .t = t, .pid = t->following ? -1 : pid };
	char why[512] = "";
	int err = tracer__add_target(t, pid, 0);

	if (err)
		return err;
	/* Who sleeps now has its first event later than its wake-up. */
	tracer__claim_target(t, pid);
	snprintf(args.path, sizeof(args.path), "/proc/self/fd/%d", fd);
	t->sampling = false;
	if (t->budgeted)
		tracer__prepare_spending(t);
	err = holder__start(&t->holder, attach_all, &args, why, sizeof(why));
	if (err)
		log_error("cannot attach to process %d: %s", pid, why);
	return err;
}

uint64_t tracer__activate(struct tracer *t)
{
	uint64_t start = now_ns();

	if (t->budgeted && !t->sampling) /* it was done in the holder, and may be over by now */
		return t->skel->bss->start_ns;
	t->skel->bss->start_ns = start;
	t->skel->bss->stopped_ns = 0;
	__atomic_store_n(&t->skel->bss->active, 1, __ATOMIC_RELEASE);
	return start;
}

uint64_t tracer__deactivate(struct tracer *t)
{
	volatile __u64 *stopped = &t->skel->bss->stopped_ns;

	__atomic_store_n(&t->skel->bss->active, 0, __ATOMIC_SEQ_CST);
	if (!*stopped)
		*stopped = now_ns();
	return *stopped;
}

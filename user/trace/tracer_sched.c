// SPDX-License-Identifier: GPL-2.0-only
/* --sched: what threads do without a CPU. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sweep.h"
#include "tracer_state.h"

#define SMALL_THREADS 2048

/* Where a variable of each CPU lies among them: 0, or -ENOENT when the kernel's BTF does not have it. */
static int find_variable(const struct btf *kernel, const char *name, int64_t *at)
{
	__s32 section = btf__find_by_name_kind(kernel, ".data..percpu", BTF_KIND_DATASEC);
	__s32 id = btf__find_by_name_kind(kernel, name, BTF_KIND_VAR);
	const struct btf_type *t = section > 0 ? btf__type_by_id(kernel, section) : NULL;

	for (int i = 0; t && id > 0 && i < btf_vlen(t); i++) {
		if (btf_var_secinfos(t)[i].type != (__u32)id)
			continue;
		*at = btf_var_secinfos(t)[i].offset;
		return 0;
	}
	return -ENOENT;
}

/* On x86_64 each CPU's preempt_count is a variable of its own; in Linux 6.2 to 6.14 it is the member of
 * `pcpu_hot` behind the first one, a pointer (arch/x86/include/asm/current.h). */
static int find_preempt_count(const struct btf *kernel, int64_t *at)
{
	int err = find_variable(kernel, "__preempt_count", at);

	if (!err)
		return 0;
	err = find_variable(kernel, "pcpu_hot", at);
	*at += sizeof(void *);
	return err;
}

/* Where it cannot be told that an interrupt wakes a thread, no wakers are named: some would be wrong. */
static void prepare_wakers(struct vtbpf_bpf *skel)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	int64_t count, rq;

	if (kernel && !find_preempt_count(kernel, &count) &&
	    !find_variable(kernel, "runqueues", &rq))
		skel->rodata->preempt_count_from_rq = count - rq;
	btf__free(kernel);
}

void tracer_sched__prepare(struct tracer *t, const struct tracer_config *cfg)
{
	struct vtbpf_bpf *skel = t->skel;

	t->sched = cfg->sched;
	bpf_program__set_autoload(skel->progs.on_sched_switch, cfg->sched);
	bpf_program__set_autoload(skel->progs.on_sched_waking, cfg->sched);
	if (!cfg->sched) {
		tracer__leave_small(skel->maps.sched_threads);
		return;
	}
	if (cfg->small)
		bpf_map__set_max_entries(skel->maps.sched_threads, SMALL_THREADS);
	skel->rodata->have_task_regs = libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT,
							       BPF_FUNC_task_pt_regs, NULL) == 1;
	prepare_wakers(skel);
}

/* The links live as long as their descriptors: those of the holder. */
int tracer_sched__attach(struct tracer *t, char *why, size_t why_size)
{
	if (!t->sched ||
	    (bpf_program__attach_raw_tracepoint(t->skel->progs.on_sched_switch, "sched_switch") &&
	     bpf_program__attach_raw_tracepoint(t->skel->progs.on_sched_waking, "sched_waking")))
		return 0;
	snprintf(why, why_size, "cannot watch the scheduler: %s", strerror(errno));
	return -errno;
}

void tracer__note_blocked(struct tracer *t, pid_t tid, const struct sched_thread *how)
{
	struct sched_thread s = *how;
	__u32 key = tid;

	if (s.since < t->skel->bss->start_ns)
		s.since = t->skel->bss->start_ns;
	s.since += VTBPF_STARTS_NS;
	s.blocked = true;
	/* where there is none: it has not run since recording began */
	bpf_map_update_elem(bpf_map__fd(t->skel->maps.sched_threads), &key, &s, BPF_NOEXIST);
}

struct telling {
	uint64_t end;
	tracer_record_fn fn;
	void *ctx;
};

static int tell(const struct telling *to, __u32 tid, __u16 what, const struct sched_thread *s)
{
	bool blocked = what == VTBPF_EVENT_BLOCKED;
	struct vtbpf_rec_event rec = {
		.rec = { .len = sizeof(rec), .kind = VTBPF_REC_EVENT, .tid = tid },
		.start = s->blocked && !blocked ? s->woken : s->since,
		.what = what,
	};
	uint64_t end = blocked && s->woken ? s->woken : to->end;

	if (end <= rec.start)
		return 0;
	rec.dur = end - rec.start;
	rec.value[2] = s->tgid;
	if (blocked) {
		rec.value[0] = s->syscall;
		rec.value[1] = s->waker;
	}
	return to->fn(to->ctx, &rec.rec);
}

static int tell_thread(const struct telling *to, __u32 tid, const struct sched_thread *s)
{
	int err = 0;

	if (!s->since)
		return 0;
	if (s->blocked)
		err = tell(to, tid, VTBPF_EVENT_BLOCKED, s);
	if (!err && (!s->blocked || s->woken))
		err = tell(to, tid, VTBPF_EVENT_RUNNABLE, s);
	return err;
}

int tracer_sched__tell(struct tracer *t, uint64_t end, tracer_record_fn fn, void *ctx)
{
	const struct telling to = { end, fn, ctx };
	int fd = bpf_map__fd(t->skel->maps.sched_threads), err = 0;
	__u32 key, *prev = NULL;
	struct sched_thread s;

	while (t->sched && !err && !bpf_map_get_next_key(fd, prev, &key)) {
		prev = &key;
		if (!bpf_map_lookup_elem(fd, &key, &s))
			err = tell_thread(&to, key, &s);
	}
	return err;
}

void tracer_sched__reset(struct tracer *t)
{
	if (t->sched)
		sweep__clear(bpf_map__fd(t->skel->maps.sched_threads));
}

// SPDX-License-Identifier: GPL-2.0-only
/* --gil: who has the interpreter's lock, and who waits for it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "sweep.h"
#include "tracer_state.h"

void tracer_gil__prepare(struct tracer *t, const struct tracer_config *cfg)
{
	struct vtbpf_bpf *skel = t->skel;
	bool multi = cfg->gil && t->variant == TRACER_MULTI;
	bool each = cfg->gil && t->variant != TRACER_MULTI;

	t->gil = cfg->gil;
	bpf_program__set_autoload(skel->progs.on_gil_lock_multi, multi);
	bpf_program__set_autoload(skel->progs.on_gil_signal_multi, multi);
	bpf_program__set_autoload(skel->progs.on_gil_lock, each);
	bpf_program__set_autoload(skel->progs.on_gil_signal, each);
	if (cfg->gil) {
		skel->rodata->gil_arg_reg = cfg->gil->arg_reg;
		return;
	}
	tracer__leave_small(skel->maps.gil_locks);
	tracer__leave_small(skel->maps.gil_threads);
}

/* ---- attaching -------------------------------------------------------------------------- */

static int attach_multi(const struct attach_args *a, struct bpf_program *prog,
			const struct gil_places *places)
{
	LIBBPF_OPTS(bpf_uprobe_multi_opts, opts, .offsets = places->offsets, .cnt = places->n);

	return bpf_program__attach_uprobe_multi(prog, a->pid, a->path, NULL, &opts) ? 0 : -errno;
}

static int attach_each(const struct attach_args *a, struct bpf_program *prog,
		       const struct gil_places *places)
{
	for (size_t i = 0; i < places->n; i++)
		if (!bpf_program__attach_uprobe(prog, false, a->pid, a->path, places->offsets[i]))
			return -errno;
	return 0;
}

/* The links live as long as their descriptors: those of the holder. */
int tracer_gil__attach(const struct attach_args *a, char *why, size_t why_size)
{
	const struct tracer *t = a->t;
	int err;

	if (!t->gil)
		return 0;
	if (t->variant == TRACER_MULTI) {
		err = attach_multi(a, t->skel->progs.on_gil_lock_multi, &t->gil->locks);
		if (!err)
			err = attach_multi(a, t->skel->progs.on_gil_signal_multi, &t->gil->signals);
	} else {
		err = attach_each(a, t->skel->progs.on_gil_lock, &t->gil->locks);
		if (!err)
			err = attach_each(a, t->skel->progs.on_gil_signal, &t->gil->signals);
	}
	if (err)
		snprintf(why, why_size, "the kernel refuses the probes of the GIL: %s",
			 strerror(-err));
	return err;
}

/* ---- the end ---------------------------------------------------------------------------- */

struct telling {
	uint64_t end;
	tracer_record_fn fn;
	void *ctx;
};

static int tell(const struct telling *to, struct vtbpf_rec_event *rec)
{
	rec->rec.len = sizeof(*rec);
	rec->rec.kind = VTBPF_REC_EVENT;
	if (to->end <= rec->start)
		return 0;
	rec->dur = to->end - rec->start;
	return to->fn(to->ctx, &rec->rec);
}

static int tell_holders(const struct tracer *t, const struct telling *to)
{
	int fd = bpf_map__fd(t->skel->maps.gil_locks), err = 0;
	struct vtbpf_gil_key key, *prev = NULL;
	struct vtbpf_gil g;

	while (!err && !bpf_map_get_next_key(fd, prev, &key)) {
		prev = &key;
		if (key.base && !bpf_map_lookup_elem(fd, &key, &g) && g.holder) {
			struct vtbpf_rec_event rec = { .rec.tid = g.holder,
						       .start = g.since,
						       .value = { g.number },
						       .what = VTBPF_EVENT_GIL_HELD };

			err = tell(to, &rec);
		}
	}
	return err;
}

static int tell_waiters(const struct tracer *t, const struct telling *to)
{
	int fd = bpf_map__fd(t->skel->maps.gil_threads), err = 0;
	struct vtbpf_gil_thread th;
	__u32 tid, *prev = NULL;

	while (!err && !bpf_map_get_next_key(fd, prev, &tid)) {
		prev = &tid;
		if (!bpf_map_lookup_elem(fd, &tid, &th) && th.wants && th.contended) {
			struct vtbpf_rec_event rec = { .rec.tid = tid,
						       .start = th.wants,
						       .what = VTBPF_EVENT_GIL_WAIT };

			err = tell(to, &rec);
		}
	}
	return err;
}

int tracer_gil__tell(const struct tracer *t, uint64_t end, tracer_record_fn fn, void *ctx)
{
	const struct telling to = { end, fn, ctx };
	int err = t->gil ? tell_holders(t, &to) : 0;

	return t->gil && !err ? tell_waiters(t, &to) : err;
}

void tracer_gil__reset(const struct tracer *t)
{
	if (!t->gil)
		return;
	sweep__clear(bpf_map__fd(t->skel->maps.gil_locks));
	sweep__clear(bpf_map__fd(t->skel->maps.gil_threads));
}

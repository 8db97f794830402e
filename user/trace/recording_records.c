// SPDX-License-Identifier: GPL-2.0-only
/* Records as they come from the kernel side: who wants to know of them, and the capture. */
#include <time.h>

#include "family.h"
#include "recording_state.h"

#define LEFT_OUT_SLACK_NS 10000000ULL /* for a hit that was under way, perhaps off its CPU */

/* What a thread recorded before it was known that it is ignored does not count. What the command line
 * ignores is left out by decode anyway. */
static void leave_out(struct recording *r, const struct thread_names *names, pid_t tid)
{
	struct vtbpf_rec_left_out rec = {
		.rec = { .len = sizeof(rec), .kind = VTBPF_REC_LEFT_OUT, .tid = tid },
		.from = r->ignoring_since,
		.until = clock_ns(CLOCK_MONOTONIC) + LEFT_OUT_SLACK_NS,
	};

	if (r->ignoring_since && thread_names__is_ignored(names, tid))
		capture_writer__append(r->w, &rec.rec);
}

static void note_string(struct recording *r, const struct vtbpf_rec_str *s)
{
	struct thread_names *names = family__names(r, &s->rec);

	if (s->which == VTBPF_STR_THREAD && names) {
		thread_names__note_name(names, s);
		leave_out(r, names, s->rec.tid);
	}
	if (s->which == VTBPF_STR_THREAD)
		return;
	function_verdicts__note(r->functions, s);
	if (s->width)
		sources__note(r->sources, s);
	else
		string_repair__note(family__repair(r, &s->rec), s);
}

/* Calls that end while recording is being turned off: what is still open then ends after them. */
static void note_end(struct recording *r, const struct vtbpf_rec_call *call)
{
	uint64_t end = call->start + call->dur;

	if (call->rec.flags & VTBPF_F_OPEN_END)
		return;
	if (end > r->newest_end)
		r->newest_end = end;
	if (r->window_stop && end > r->window_stop)
		r->window_stop = end;
}

static void before_thread(struct recording *r, const struct vtbpf_rec *rec)
{
	struct thread_names *names = family__names(r, rec);

	sampler__note_thread(r, rec->tid);
	if (names)
		thread_names__note_reuse(names, (const void *)rec);
}

static void after_thread(struct recording *r, const struct vtbpf_rec *rec)
{
	struct thread_names *names = family__names(r, rec);

	if (!names)
		return;
	thread_names__note_new(names, (const void *)rec);
	leave_out(r, names, rec->tid);
}

int recording__take(void *ctx, const struct vtbpf_rec *rec)
{
	struct recording *r = ctx;

	if (family__take(r, rec))
		return 0;
	if (rec->kind == VTBPF_REC_THREAD)
		before_thread(r, rec);
	capture_writer__append(r->w, exception_names__complete(&r->exception_names, rec));
	switch (rec->kind) {
	case VTBPF_REC_CALL:
	case VTBPF_REC_CALL_TRACK:
		note_end(r, (const struct vtbpf_rec_call *)rec);
		if (r->held)
			held__written(r->held, rec);
		break;
	case VTBPF_REC_CODE:
		string_repair__code(family__repair(r, rec), (const struct vtbpf_rec_code *)rec);
		break;
	case VTBPF_REC_STR:
		note_string(r, (const struct vtbpf_rec_str *)rec);
		break;
	case VTBPF_REC_THREAD:
		after_thread(r, rec);
		break;
	case VTBPF_REC_THREAD_EXIT:
		if (family__names(r, rec))
			thread_names__note_exit(family__names(r, rec), rec);
		break;
	case VTBPF_REC_TRIGGER:
		if (r->triggers)
			triggers__record(r->triggers, (const struct vtbpf_rec_trigger *)rec);
		break;
	case VTBPF_REC_RAISE:
		if (r->triggers)
			triggers__raise(r->triggers, (const struct vtbpf_rec_raise *)rec);
		break;
	case VTBPF_REC_EXEC:
		r->res->end = END_TARGET_EXEC;
		break;
	case VTBPF_REC_COUNTERS:
		r->res->counters = ((const struct vtbpf_rec_counters *)rec)->count;
		r->res->calls = r->res->counters.calls;
		r->res->lost = r->res->counters.lost;
		r->res->ignored_threads = thread_names__ignored(r->names) + family__ignored(r);
		break;
	}
	return 0;
}

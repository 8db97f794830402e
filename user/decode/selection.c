// SPDX-License-Identifier: GPL-2.0-only
#include "selection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VERDICT_UNKNOWN 0xff
#define CANCEL_EVERY 4096
#define DEEPEST FOLLOWER_DEEPEST /* "at least", says the contract */

/* ---- functions -------------------------------------------------------------------------- */

static uint8_t verdict_on(struct selection *sel, const struct code *code)
{
	uint8_t *v = &sel->verdicts[code->index];
	const char *name = code->name.data, *file = code->file.data;

	const struct selection_part *part = &sel->parts[code->part];

	if (*v == VERDICT_UNKNOWN)
		*v = function_filter__verdict(&part->functions[0], name, file) |
		     function_filter__verdict(&part->functions[1], name, file);
	return *v;
}

uint8_t selection__verdict(struct selection *sel, const struct code *code)
{
	return sel->by_function ? verdict_on(sel, code) : 0;
}

static struct track *track_of(struct selection *sel, struct thread *th, const struct event_call *c)
{
	return track_table__get(sel->session->tracks, th, c->track ? TRACK_GREENLET : TRACK_THREAD,
				c->track);
}

static struct cut_span span_of(const struct event_call *call)
{
	return (struct cut_span){ call->start, call->start + call->dur, call->depth };
}

static struct follower follower_of(const struct event_call *call)
{
	return (struct follower){ call->start, call->start + call->dur, call->depth };
}

static bool is_c(const struct code *code)
{
	return !*code->file.data;
}

static bool follows_hidden(struct selection *sel, struct thread *th, const struct event_call *call)
{
	const struct follower c = follower_of(call);
	const struct track *track = track_of(sel, th, call);

	return track && follower_list__has(&track->followers, &c);
}

static bool hides(struct selection *sel, struct thread *th, const struct event_call *call)
{
	const struct code *code = code_table__get(sel->session->codes, call->code);
	struct cut_span span = span_of(call);
	struct track *track;

	if (verdict_on(sel, code) & VTBPF_HIDE_CALL)
		return true;
	if (sel->follows && is_c(code) && follows_hidden(sel, th, call))
		return true;
	if (!sel->cuts)
		return false;
	span.rank += call->depth == DEEPEST; /* beneath another call of that depth */
	track = track_of(sel, th, call);
	return track && cut_list__covers(&track->cuts, &span);
}

/* ---- readings ahead --------------------------------------------------------------------- */

typedef int (*call_fn)(struct selection *sel, struct thread *th, const struct event *ev);

static bool is_call(const struct event *ev)
{
	return ev->kind == VTBPF_REC_CALL || ev->kind == VTBPF_REC_CALL_TRACK;
}

/* Of a sample, 0 when it has none or is none. */
static uint32_t stack_id(const struct event *ev)
{
	return ev->kind == VTBPF_REC_SAMPLE ? ev->sample.stack :
	       ev->kind == VTBPF_REC_SLEEP  ? ev->sleep.stack :
					      0;
}

/* Do the filters keep any of its frames? */
static bool keeps_stack(struct selection *sel, uint32_t id)
{
	const struct sampled_stack *stack = stack_table__get(sel->session->stacks, id);
	uint8_t verdict = 0;

	for (uint32_t i = stack->n; i-- && !(verdict & VTBPF_HIDE_BELOW);) {
		const struct code *code = code_table__get(sel->session->codes, stack->codes[i]);

		verdict = selection__verdict(sel, code);
		if (!verdict)
			return true;
	}
	return false;
}

/* Reads the capture once more, for its calls. */
static int each_call(struct selection *sel, struct capture *c, volatile bool *cancel, call_fn fn)
{
	struct thread_table *threads = sel->session->threads;
	const struct vtbpf_rec *rec;
	struct thread *th;
	struct event ev;
	unsigned int n = 0;
	int err = capture__seek(c, capture__start(c)), got;

	session__rewind(sel->session);
	while (!err && (got = capture__next(c, &rec)) != 0) {
		if (got < 0)
			return got;
		if (cancel && ++n % CANCEL_EVERY == 0 && *cancel)
			return -ECANCELED;
		if (decoder__decode(rec, &ev)) {
			capture__reject(c);
			continue;
		}
		if (ev.kind == VTBPF_REC_SESSION)
			session__next_part(sel->session);
		if (ev.kind == VTBPF_REC_THREAD)
			thread_table__switch(threads, ev.tid, &ev.thread);
		if (!is_call(&ev) && !stack_id(&ev))
			continue;
		th = thread_table__get(threads, ev.tid);
		if (!th)
			return -ENOMEM;
		if (is_call(&ev))
			err = fn(sel, th, &ev);
		else if (keeps_stack(sel, stack_id(&ev)))
			th->kept = true;
	}
	return err;
}

static int collect_follower(struct selection *sel, struct track *track, const struct code *code,
			    const struct event_call *call)
{
	const struct follower c = follower_of(call);

	if (is_c(code))
		return follower_list__add(&track->followers, &c);
	return follower_list__caller(&track->followers, call->depth,
				     verdict_on(sel, code) & VTBPF_HIDE_CALL);
}

static int collect_cut(struct selection *sel, struct thread *th, const struct event *ev)
{
	const struct code *code = code_table__get(sel->session->codes, ev->call.code);
	struct cut_span span = span_of(&ev->call);
	struct track *track;

	if (th->ignored)
		return 0;
	track = track_of(sel, th, &ev->call);
	if (!track || (sel->follows && collect_follower(sel, track, code, &ev->call)))
		return -ENOMEM;
	if (verdict_on(sel, code) & VTBPF_HIDE_BELOW)
		return cut_list__add(&track->cuts, &span);
	cut_list__pass(&track->cuts, &span);
	return 0;
}

static int collect_cuts(struct selection *sel, struct capture *c, volatile bool *cancel)
{
	struct track *t;
	int err = each_call(sel, c, cancel, collect_cut);

	/* The contract promises the order; a capture that breaks it is cut as well as may be. */
	for (t = track_table__first(sel->session->tracks); t; t = t->all) {
		cut_list__ready(&t->cuts);
		follower_list__ready(&t->followers);
	}
	return err;
}

static enum removed judge_thread(const struct thread *th, uint64_t ts)
{
	if (th->ignored)
		return th->vanished ? REMOVED_FUNCTION : REMOVED_THREAD;
	return ts >= th->left_out.from && ts < th->left_out.to ? REMOVED_THREAD : REMOVED_NOT;
}

enum removed selection__judge_sample(struct selection *sel, const struct thread *th, uint64_t ts,
				     uint64_t n)
{
	enum removed why = judge_thread(th, ts);

	sel->removed[why] += n;
	return why;
}

/* Of what tells of a function: it is beneath whatever runs at that moment. */
static bool hides_event(struct selection *sel, struct thread *th, const struct event_other *o)
{
	const struct event_call here = {
		.start = o->start, .code = o->code, .track = o->track, .depth = DEEPEST
	};

	return sel->by_function && o->code && hides(sel, th, &here);
}

enum removed selection__judge_event(struct selection *sel, struct thread *th,
				    const struct event_other *o)
{
	enum removed why = judge_thread(th, o->start);

	if (!why && hides_event(sel, th, o))
		return REMOVED_FUNCTION;
	if (!why && sel->parts[sel->session->part].too_old)
		return REMOVED_OLD; /* it is calls that are counted */
	sel->removed[why]++;
	return why;
}

/* Why the call is left out, whatever its age. */
static enum removed judge(struct selection *sel, struct thread *th, const struct event *ev)
{
	const struct slice_filter *f = sel->given;
	enum removed why = judge_thread(th, ev->call.start);

	if (why)
		return why;
	if (sel->by_function && hides(sel, th, &ev->call))
		return REMOVED_FUNCTION;
	if (ev->call.dur < f->min_duration_ns)
		return REMOVED_SHORT;
	if (f->max_stack_depth >= 0 && ev->call.depth >= f->max_stack_depth)
		return REMOVED_DEEP;
	return REMOVED_NOT;
}

static bool is_finished(const struct event *ev)
{
	return !(ev->flags & VTBPF_F_OPEN_END);
}

static int count_kept(struct selection *sel, struct thread *th, const struct event *ev)
{
	if (judge(sel, th, ev))
		return 0;
	th->kept = true;
	sel->parts[sel->session->part].too_old += is_finished(ev);
	return 0;
}

/* A thread all of whose functions are left out is not to be seen at all. */
static void hide_empty_threads(struct selection *sel)
{
	struct thread *th = thread_table__first(sel->session->threads);

	for (; th; th = th->next) {
		if (th->ignored || th->kept || th->lost)
			continue;
		th->ignored = th->vanished = true;
	}
}

/* ---- all -------------------------------------------------------------------------------- */

static int start_part(struct selection *sel, uint32_t number)
{
	const struct session_text *cwd = session__part_text(sel->session, number, VTBPF_TEXT_CWD);
	struct selection_part *part = &sel->parts[number];
	int err = recorded_filter__read(sel->session, number, &part->recorded);
	size_t i;

	part->functions[0] = sel->given->functions;
	part->functions[1] = part->recorded.functions;
	for (i = 0; i < 2; i++) {
		part->functions[i].cwd = cwd ? cwd->data : NULL;
		sel->by_function |= function_filter__is_set(&part->functions[i]);
		sel->cuts |= function_filter__cuts(&part->functions[i]);
		sel->follows |= part->functions[i].include_files.n;
	}
	return err;
}

static int start_parts(struct selection *sel)
{
	uint32_t i;
	int err = 0;

	sel->parts = calloc(sel->session->n_parts, sizeof(*sel->parts));
	if (!sel->parts)
		return -ENOMEM;
	for (i = 0; i < sel->session->n_parts && !err; i++)
		err = start_part(sel, i);
	if (err || !sel->by_function)
		return err;
	sel->n_verdicts = code_table__count(sel->session->codes);
	sel->verdicts = malloc(sel->n_verdicts);
	if (!sel->verdicts)
		return -ENOMEM;
	memset(sel->verdicts, VERDICT_UNKNOWN, sel->n_verdicts);
	return 0;
}

int selection__start(struct selection *sel, struct capture *c, volatile bool *cancel)
{
	struct thread *th = thread_table__first(sel->session->threads);
	uint64_t newest = sel->given->tracer_entries, *old;
	uint32_t i;
	int err = start_parts(sel);

	if (err)
		return err;
	for (; th; th = th->next)
		th->ignored = !filter__keeps_thread(sel->given, th) ||
			      !filter__keeps_thread(&sel->parts[th->part].recorded, th);
	if (sel->cuts || sel->follows)
		err = collect_cuts(sel, c, cancel);
	if (!err && (sel->by_function || newest))
		err = each_call(sel, c, cancel, count_kept);
	if (!err && sel->by_function)
		hide_empty_threads(sel);
	for (i = 0; i < sel->session->n_parts; i++) {
		old = &sel->parts[i].too_old;
		*old = newest && *old > newest ? *old - newest : 0;
	}
	return err;
}

void selection__release(struct selection *sel)
{
	uint32_t i;

	for (i = 0; sel->parts && i < sel->session->n_parts; i++)
		recorded_filter__release(&sel->parts[i].recorded);
	free(sel->parts);
	free(sel->verdicts);
	memset(sel, 0, sizeof(*sel));
}

enum removed selection__judge(struct selection *sel, struct thread *th, const struct event *ev)
{
	struct selection_part *part = &sel->parts[sel->session->part];
	enum removed why = judge(sel, th, ev);

	if (!why && part->too_old && is_finished(ev)) {
		part->too_old--;
		why = REMOVED_OLD;
	}
	sel->removed[why]++;
	return why;
}

uint64_t selection__removed(const struct selection *sel)
{
	uint64_t n = 0;
	int why;

	for (why = REMOVED_THREAD; why < REMOVED_KINDS; why++)
		n += sel->removed[why];
	return n;
}

uint64_t selection__ignored_threads(const struct selection *sel)
{
	const struct thread *th;
	uint64_t n = 0;

	for (th = thread_table__first(sel->session->threads); th; th = th->next)
		n += th->ignored && !th->vanished;
	return n;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Of Perfetto's trace, what is written as it comes: what is no call, and calls that say what they were made
 * with. All are one sequence. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pftrace_parts.h"

/* ---- what is no call -------------------------------------------------------------------- */

static void add_code(struct pftrace *t, struct protobuf *m, uint32_t field, const struct code *code)
{
	const struct profile_function f = {
		.name = { code->name.data, code->name.len },
		.file = { code->file.data, code->file.len },
		.line = code->line,
	};
	char *label = malloc(profile__label_size(&f));

	if (!label) {
		t->err = -ENOMEM;
		return;
	}
	pftrace__add_text(t, m, field, label, profile__put_label(&f, label));
	free(label);
}

static void add_arg(struct pftrace *t, const struct trace_arg *arg)
{
	if (arg->kind == TRACE_ARG_CODE)
		add_code(t, &t->inner, ANNOTATION_STRING, arg->code);
	else if (arg->kind == TRACE_ARG_TEXT)
		pftrace__add_text(t, &t->inner, ANNOTATION_STRING, arg->text.data, arg->text.len);
	else
		protobuf__always(&t->inner, ANNOTATION_INT, (uint64_t)arg->number);
	protobuf__bytes(&t->inner, ANNOTATION_NAME, arg->key, strlen(arg->key));
	pftrace__add_inner(t, EVENT_ANNOTATIONS);
}

static void begin_edge(struct pftrace *t, uint64_t at, enum event_type type)
{
	protobuf__always(&t->packet, PACKET_TIMESTAMP, at);
	protobuf__u64(&t->packet, PACKET_TIMESTAMP_CLOCK_ID, CLOCK_MONO);
	protobuf__u64(&t->packet, PACKET_SEQUENCE_ID, EVENTS_SEQUENCE);
	protobuf__u64(&t->part, EVENT_TYPE, type);
	protobuf__u64(&t->part, EVENT_TRACK_UUID, t->uuid);
}

/* Arrows go from one instant to another: which slices lie around those is not known yet. */
static void add_flow(struct pftrace *t, const struct trace_event *ev)
{
	uint32_t field = ev->phase == TRACE_FLOW_END ? EVENT_LAST_FLOWS : EVENT_FLOWS;

	if (ev->phase == TRACE_FLOW_BEGIN || ev->phase == TRACE_FLOW_END)
		protobuf__fixed64(&t->part, field, ev->flow + 1); /* 0 is none */
}

static void write_edge(struct pftrace *t, const struct trace_event *ev, enum event_type type)
{
	begin_edge(t, type == SLICE_END ? ev->start + ev->dur : ev->start, type);
	if (type != SLICE_END) {
		add_flow(t, ev);
		protobuf__bytes(&t->part, EVENT_CATEGORIES, ev->cat, strlen(ev->cat));
		pftrace__add_text(t, &t->part, EVENT_NAME, ev->name.data, ev->name.len);
		for (size_t i = 0; i < ev->n_args; i++)
			add_arg(t, &ev->args[i]);
	}
	pftrace__add_part(t, PACKET_TRACK_EVENT);
	pftrace__write_packet(t);
}

/* Each track has its own: `what` tells several of one apart. */
static void write_counter(struct pftrace *t, const struct trace_event *ev,
			  struct profile_track *track)
{
	uint64_t bit = 1ULL << (ev->what % 64);

	t->uuid = COUNTER_UUID * (1 + ev->what % 64) + track->number;
	if (!(track->counters & bit)) {
		protobuf__u64(&t->part, DESCRIPTOR_UUID, t->uuid);
		pftrace__add_text(t, &t->part, DESCRIPTOR_NAME, ev->name.data, ev->name.len);
		protobuf__u64(&t->part, DESCRIPTOR_PARENT, (uint64_t)track->pid + 1);
		protobuf__bytes(&t->part, DESCRIPTOR_COUNTER, "", 0);
		pftrace__add_part(t, PACKET_TRACK_DESCRIPTOR);
		pftrace__write_packet(t);
		track->counters |= bit;
	}
	begin_edge(t, ev->start, COUNTER);
	protobuf__always(&t->part, EVENT_COUNTER_VALUE, (uint64_t)ev->args[0].number);
	pftrace__add_part(t, PACKET_TRACK_EVENT);
	pftrace__write_packet(t);
}

/* Where a packet stands in the file does not matter, so that it need not be kept; but the clocks must be
 * known before. */
static struct profile_track *begin_apart(struct pftrace *t, struct writer *w,
					 const struct track *on)
{
	const struct event_session *info = &w->session->info;
	const struct pftrace_clocks clocks = { w->session->start, info->realtime_offset,
					       info->boottime_offset };
	struct profile_track *track = profile_writer__track_of(w, on);

	t->p = profile_writer__profile(w);
	t->uuid = pftrace__uuid_of(track);
	if (!profile_writer__profile(w)->events++)
		pftrace__write_clocks(t, &clocks);
	return track;
}

int pftrace__event(struct writer *w, const struct trace_event *ev)
{
	struct pftrace t = { .out = &w->out };
	struct profile_track *track = begin_apart(&t, w, ev->track);

	if (ev->phase == TRACE_COUNTER) {
		write_counter(&t, ev, track);
	} else {
		track->has_events = true;
		write_edge(&t, ev, ev->phase == TRACE_SLICE ? SLICE_BEGIN : INSTANT);
	}
	if (ev->phase == TRACE_SLICE)
		write_edge(&t, ev, SLICE_END);
	pftrace__release(&t);
	return t.err;
}

/* ---- calls that say what they were made with -------------------------------------------- */

static void add_entry(struct pftrace *t, struct protobuf *entry, const struct call_arg *arg)
{
	protobuf__clear(entry);
	protobuf__bytes(entry, ANNOTATION_STRING, arg->text.data, arg->text.len);
	protobuf__bytes(entry, ANNOTATION_NAME, arg->name.data, arg->name.len);
	protobuf__bytes(&t->inner, ANNOTATION_ENTRIES, entry->data, entry->n);
}

static void add_func_args(struct pftrace *t, const struct slice *s)
{
	struct protobuf entry = {};

	for (size_t i = 0; i < s->n_args; i++)
		add_entry(t, &entry, &s->args[i]);
	protobuf__bytes(&t->inner, ANNOTATION_NAME, "func_args", 9);
	pftrace__add_inner(t, EVENT_ANNOTATIONS);
	if (entry.err)
		t->err = entry.err;
	protobuf__release(&entry);
}

static void write_call_edge(struct pftrace *t, const struct slice *s, enum event_type type)
{
	uint8_t open = profile_writer__flags(s);

	begin_edge(t, type == SLICE_END ? s->start + s->dur : s->start, type);
	if (type != SLICE_END) {
		protobuf__bytes(&t->part, EVENT_CATEGORIES, "FEE", 3);
		add_code(t, &t->part, EVENT_NAME, s->code);
		if (open)
			pftrace__add_open(t, open);
		add_func_args(t, s);
	}
	pftrace__add_part(t, PACKET_TRACK_EVENT);
	pftrace__write_packet(t);
}

int pftrace__slice(struct writer *w, const struct slice *s)
{
	struct pftrace t = { .out = &w->out };

	if (!s->n_args)
		return profile_writer__slice(w, s);
	begin_apart(&t, w, s->track)->has_events = true;
	write_call_edge(&t, s, SLICE_BEGIN);
	write_call_edge(&t, s, SLICE_END);
	pftrace__release(&t);
	return t.err;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Perfetto's protobuf trace. Numbers of fields: google/perfetto, protos/perfetto/trace. Each track is a
 * packet sequence of its own: it has its track as a default, its names interned, and a clock that counts
 * from one event to the next, so that an event takes some 13 bytes. Times are CLOCK_MONOTONIC.
 *
 * Events do not say SEQ_NEEDS_INCREMENTAL_STATE, 2 bytes each: it tells a reader to skip what it cannot
 * understand where the begin of a sequence was lost, and here each begins in the same file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../decode/profile_events.h"
#include "../utf.h"
#include "profile_writer.h"
#include "protobuf.h"

enum trace_field { TRACE_PACKET = 1 };

enum packet_field {
	PACKET_CLOCK_SNAPSHOT = 6,
	PACKET_TIMESTAMP = 8,
	PACKET_SEQUENCE_ID = 10,
	PACKET_TRACK_EVENT = 11,
	PACKET_INTERNED_DATA = 12,
	PACKET_SEQUENCE_FLAGS = 13,
	PACKET_TIMESTAMP_CLOCK_ID = 58,
	PACKET_DEFAULTS = 59,
	PACKET_TRACK_DESCRIPTOR = 60,
};

enum sequence_flags { STATE_CLEARED = 1 };
enum snapshot_field { SNAPSHOT_CLOCKS = 1, SNAPSHOT_PRIMARY = 2 };
enum clock_field { CLOCK_ID = 1, CLOCK_TIMESTAMP = 2, CLOCK_IS_INCREMENTAL = 3 };

enum clock_id {
	CLOCK_REAL = 1,
	CLOCK_MONO = 3,
	CLOCK_BOOT = 6,
	CLOCK_OF_SEQUENCE = 64, /* the first that a sequence may define for itself */
};

enum defaults_field { DEFAULTS_TRACK_EVENT = 11, DEFAULTS_CLOCK_ID = 58 };

enum descriptor_field {
	DESCRIPTOR_UUID = 1,
	DESCRIPTOR_NAME = 2,
	DESCRIPTOR_PROCESS = 3,
	DESCRIPTOR_THREAD = 4,
	DESCRIPTOR_PARENT = 5,
	DESCRIPTOR_COUNTER = 8,
};

enum process_field { PROCESS_PID = 1, PROCESS_NAME = 6 };
enum thread_field { THREAD_PID = 1, THREAD_TID = 2, THREAD_NAME = 5 };
enum interned_field {
	INTERNED_CATEGORIES = 1,
	INTERNED_NAMES = 2,
	INTERNED_IID = 1,
	INTERNED_NAME = 2
};
enum event_field {
	EVENT_CATEGORY_IIDS = 3,
	EVENT_ANNOTATIONS = 4,
	EVENT_TYPE = 9,
	EVENT_NAME_IID = 10,
	EVENT_TRACK_UUID = 11,
	EVENT_CATEGORIES = 22,
	EVENT_NAME = 23,
	EVENT_COUNTER_VALUE = 30,
	EVENT_FLOWS = 47,
	EVENT_LAST_FLOWS = 48, /* that end here */
};
enum event_type { SLICE_BEGIN = 1, SLICE_END = 2, INSTANT = 3, COUNTER = 4 };
enum annotation_field { ANNOTATION_INT = 4, ANNOTATION_STRING = 6, ANNOTATION_NAME = 10 };

#define KERNEL_TID_MAX 4194304u /* larger ones are made up: include/linux/threads.h */
#define THREAD_UUID (1ULL << 32)
#define COUNTER_UUID (1ULL << 48)
#define EVENTS_SEQUENCE UINT32_MAX /* of what is no call, on all tracks */

#define TAIL_MAX 16  /* the sequence's number */
#define PLAIN_MAX 64 /* a packet of nothing else */

/* The event in a packet: its length, here 0, is filled in. */
static const unsigned char opening[] = {
	PACKET_TRACK_EVENT << 3 | 2, 0, EVENT_TYPE << 3,     SLICE_BEGIN,
	EVENT_CATEGORY_IIDS << 3,    1, EVENT_NAME_IID << 3,
};
static const unsigned char closing[] = {
	PACKET_TRACK_EVENT << 3 | 2,
	2,
	EVENT_TYPE << 3,
	SLICE_END,
};

struct pftrace {
	const struct profile *p;
	struct outbuf *out;
	struct protobuf packet, part, inner;
	uint64_t *seen; /* by function: number of the sequence that has its name */
	uint64_t sequence;
	uint64_t now; /* ns: the sequence's clock */
	/* What all plain packets of the sequence say after their time. */
	unsigned char tail[TAIL_MAX];
	size_t tail_n;
	uint64_t uuid; /* of the track that an event lies on */
	char *scratch;
	int err;
};

/* ---- packets ---------------------------------------------------------------------------- */

static void add_part(struct pftrace *t, uint32_t field)
{
	protobuf__bytes(&t->packet, field, t->part.data, t->part.n);
	protobuf__clear(&t->part);
}

static void add_inner(struct pftrace *t, uint32_t field)
{
	protobuf__bytes(&t->part, field, t->inner.data, t->inner.n);
	protobuf__clear(&t->inner);
}

static void write_packet(struct pftrace *t)
{
	protobuf__write_bytes(t->out, TRACE_PACKET, t->packet.data, t->packet.n);
	protobuf__clear(&t->packet);
	if (!t->err)
		t->err = t->packet.err ? t->packet.err : t->part.err ? t->part.err : t->inner.err;
}

static void add_text(struct pftrace *t, struct protobuf *m, uint32_t field, const char *s, size_t n)
{
	char *text = realloc(t->scratch, UTF8_MAX(n));

	if (!text) {
		t->err = -ENOMEM;
		return;
	}
	t->scratch = text;
	protobuf__bytes(m, field, text, utf8__repair(s, n, text));
}

/* ---- clocks and descriptors ------------------------------------------------------------- */

static void add_clock(struct pftrace *t, uint32_t id, uint64_t timestamp, bool incremental)
{
	protobuf__u64(&t->inner, CLOCK_ID, id);
	protobuf__u64(&t->inner, CLOCK_TIMESTAMP, timestamp);
	protobuf__u64(&t->inner, CLOCK_IS_INCREMENTAL, incremental);
	add_inner(t, SNAPSHOT_CLOCKS);
}

struct clocks {
	uint64_t now; /* ns */
	int64_t realtime_offset, boottime_offset;
};

/* How the clocks of the machine stood to one another. */
static void write_clocks(struct pftrace *t, const struct clocks *c)
{
	add_clock(t, CLOCK_MONO, c->now, false);
	if (c->boottime_offset || c->realtime_offset)
		add_clock(t, CLOCK_BOOT, c->now + (uint64_t)c->boottime_offset, false);
	if (c->realtime_offset)
		add_clock(t, CLOCK_REAL, c->now + (uint64_t)c->realtime_offset, false);
	protobuf__u64(&t->part, SNAPSHOT_PRIMARY, CLOCK_MONO);
	add_part(t, PACKET_CLOCK_SNAPSHOT);
	write_packet(t);
}

static void write_processes(struct pftrace *t)
{
	const struct profile_process *process;

	for (process = t->p->processes; process; process = process->hh.next) {
		protobuf__u64(&t->inner, PROCESS_PID, process->pid);
		if (process->name.n)
			add_text(t, &t->inner, PROCESS_NAME, process->name.p, process->name.n);
		protobuf__u64(&t->part, DESCRIPTOR_UUID, (uint64_t)process->pid + 1);
		add_inner(t, DESCRIPTOR_PROCESS);
		add_part(t, PACKET_TRACK_DESCRIPTOR);
		write_packet(t);
	}
}

static uint64_t uuid_of(const struct profile_track *track)
{
	return THREAD_UUID + track->number + 1;
}

/* A thread by its tid; what is none, a track of the process by its name. */
static void write_descriptor(struct pftrace *t, const struct profile_track *track)
{
	protobuf__u64(&t->part, DESCRIPTOR_UUID, uuid_of(track));
	if (track->tid && track->tid <= KERNEL_TID_MAX && !track->is_gaps && !track->level) {
		protobuf__u64(&t->inner, THREAD_PID, track->pid);
		protobuf__u64(&t->inner, THREAD_TID, track->tid);
		add_text(t, &t->inner, THREAD_NAME, track->name.p, track->name.n);
		add_inner(t, DESCRIPTOR_THREAD);
	} else {
		add_text(t, &t->part, DESCRIPTOR_NAME, track->name.p, track->name.n);
		protobuf__u64(&t->part, DESCRIPTOR_PARENT, (uint64_t)track->pid + 1);
	}
	add_part(t, PACKET_TRACK_DESCRIPTOR);
	write_packet(t);
}

/* ---- a sequence ------------------------------------------------------------------------- */

static void begin_sequence(struct pftrace *t, const struct profile_track *track)
{
	static const char *const categories[] = { "FEE", "vtbpf" };

	t->tail_n = (size_t)(protobuf__put(t->tail, PACKET_SEQUENCE_ID, t->sequence) - t->tail);
	t->now = track->first;
	protobuf__u64(&t->packet, PACKET_SEQUENCE_ID, t->sequence);
	protobuf__u64(&t->packet, PACKET_SEQUENCE_FLAGS, STATE_CLEARED);
	add_clock(t, CLOCK_MONO, t->now, false);
	add_clock(t, CLOCK_OF_SEQUENCE, t->now, true);
	add_part(t, PACKET_CLOCK_SNAPSHOT);
	protobuf__u64(&t->inner, EVENT_TRACK_UUID, uuid_of(track));
	add_inner(t, DEFAULTS_TRACK_EVENT);
	protobuf__u64(&t->part, DEFAULTS_CLOCK_ID, CLOCK_OF_SEQUENCE);
	add_part(t, PACKET_DEFAULTS);
	protobuf__u64(&t->inner, INTERNED_IID, 1);
	add_text(t, &t->inner, INTERNED_NAME, categories[track->is_gaps],
		 strlen(categories[track->is_gaps]));
	add_inner(t, INTERNED_CATEGORIES);
	add_part(t, PACKET_INTERNED_DATA);
	write_packet(t);
}

/* The name, before the sequence's first event that has it. */
static void intern(struct pftrace *t, uint32_t function)
{
	const struct profile_function *f = &t->p->functions[function];
	char *label = malloc(profile__label_size(f));

	t->seen[function] = t->sequence;
	if (!label) {
		t->err = -ENOMEM;
		return;
	}
	protobuf__u64(&t->inner, INTERNED_IID, (uint64_t)function + 1);
	add_text(t, &t->inner, INTERNED_NAME, label, profile__put_label(f, label));
	free(label);
	add_inner(t, INTERNED_NAMES);
	add_part(t, PACKET_INTERNED_DATA);
}

static void add_open(struct pftrace *t, uint8_t flags)
{
	static const char *const edges[] = { "", "start", "end", "both" };
	const char *edge = edges[flags & (PROFILE_OPEN_START | PROFILE_OPEN_END)];

	protobuf__bytes(&t->inner, ANNOTATION_STRING, edge, strlen(edge));
	protobuf__bytes(&t->inner, ANNOTATION_NAME, "open", 4);
	add_inner(t, EVENT_ANNOTATIONS);
}

/* What most events are: nothing to be said besides. All lengths are below 128, a byte each. */
static void write_plain(struct pftrace *t, const struct profile_event *ev)
{
	unsigned char *packet = (unsigned char *)outbuf__reserve(t->out, PLAIN_MAX), *p, *event;

	p = protobuf__put_varint(packet + 3, ev->at - t->now);
	memcpy(p, t->tail, sizeof(t->tail));
	p += t->tail_n;
	event = p;
	if (ev->opens) {
		memcpy(event, opening, sizeof(opening));
		p = protobuf__put_varint(event + sizeof(opening), (uint64_t)ev->function + 1);
	} else {
		memcpy(event, closing, sizeof(closing));
		p = event + sizeof(closing);
	}
	event[1] = (unsigned char)(p - event - 2);
	packet[0] = TRACE_PACKET << 3 | 2;
	packet[1] = (unsigned char)(p - packet - 2);
	packet[2] = PACKET_TIMESTAMP << 3;
	t->out->at = (char *)p;
}

static void write_full(struct pftrace *t, const struct profile_event *ev)
{
	protobuf__always(&t->packet, PACKET_TIMESTAMP, ev->at - t->now);
	protobuf__u64(&t->packet, PACKET_SEQUENCE_ID, t->sequence);
	if (ev->opens && t->seen[ev->function] != t->sequence)
		intern(t, ev->function);
	protobuf__u64(&t->part, EVENT_TYPE, ev->opens ? SLICE_BEGIN : SLICE_END);
	if (ev->opens) {
		protobuf__u64(&t->part, EVENT_CATEGORY_IIDS, 1);
		protobuf__u64(&t->part, EVENT_NAME_IID, (uint64_t)ev->function + 1);
	}
	if (ev->opens && ev->flags)
		add_open(t, ev->flags);
	add_part(t, PACKET_TRACK_EVENT);
	write_packet(t);
}

static int write_event(void *arg, const struct profile_event *ev)
{
	struct pftrace *t = arg;

	if (ev->opens && (ev->flags || t->seen[ev->function] != t->sequence))
		write_full(t, ev);
	else
		write_plain(t, ev);
	t->now = ev->at;
	return t->err ? t->err : t->out->err;
}

static int write_track(struct pftrace *t, const struct profile_track *track)
{
	write_descriptor(t, track);
	if (!track->calls.n)
		return 0;
	t->sequence++;
	begin_sequence(t, track);
	return profile_events__run(t->p, track, write_event, t);
}

static void release(struct pftrace *t)
{
	protobuf__release(&t->packet);
	protobuf__release(&t->part);
	protobuf__release(&t->inner);
	free(t->scratch);
	free(t->seen);
}

/* ---- what is no call -------------------------------------------------------------------- */

static void add_code(struct pftrace *t, const struct code *code)
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
	add_text(t, &t->inner, ANNOTATION_STRING, label, profile__put_label(&f, label));
	free(label);
}

static void add_arg(struct pftrace *t, const struct trace_arg *arg)
{
	if (arg->kind == TRACE_ARG_CODE)
		add_code(t, arg->code);
	else if (arg->kind == TRACE_ARG_TEXT)
		add_text(t, &t->inner, ANNOTATION_STRING, arg->text.data, arg->text.len);
	else
		protobuf__always(&t->inner, ANNOTATION_INT, (uint64_t)arg->number);
	protobuf__bytes(&t->inner, ANNOTATION_NAME, arg->key, strlen(arg->key));
	add_inner(t, EVENT_ANNOTATIONS);
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
		add_text(t, &t->part, EVENT_NAME, ev->name.data, ev->name.len);
		for (size_t i = 0; i < ev->n_args; i++)
			add_arg(t, &ev->args[i]);
	}
	add_part(t, PACKET_TRACK_EVENT);
	write_packet(t);
}

/* Each track has its own: `what` tells several of one apart. */
static void write_counter(struct pftrace *t, const struct trace_event *ev,
			  struct profile_track *track)
{
	uint64_t bit = 1ULL << (ev->what % 64);

	t->uuid = COUNTER_UUID * (1 + ev->what % 64) + track->number;
	if (!(track->counters & bit)) {
		protobuf__u64(&t->part, DESCRIPTOR_UUID, t->uuid);
		add_text(t, &t->part, DESCRIPTOR_NAME, ev->name.data, ev->name.len);
		protobuf__u64(&t->part, DESCRIPTOR_PARENT, (uint64_t)track->pid + 1);
		protobuf__bytes(&t->part, DESCRIPTOR_COUNTER, "", 0);
		add_part(t, PACKET_TRACK_DESCRIPTOR);
		write_packet(t);
		track->counters |= bit;
	}
	begin_edge(t, ev->start, COUNTER);
	protobuf__always(&t->part, EVENT_COUNTER_VALUE, (uint64_t)ev->args[0].number);
	add_part(t, PACKET_TRACK_EVENT);
	write_packet(t);
}

/* Where a packet stands in the file does not matter, so that it need not be kept; but the clocks must be
 * known before. */
static int pftrace_event(struct writer *w, const struct trace_event *ev)
{
	const struct event_session *info = &w->session->info;
	const struct clocks clocks = { w->session->start, info->realtime_offset,
				       info->boottime_offset };
	struct profile *p = profile_writer__profile(w);
	struct profile_track *track = profile_writer__track_of(w, ev->track);
	struct pftrace t = { .p = p, .out = &w->out, .uuid = uuid_of(track) };

	if (!p->events++)
		write_clocks(&t, &clocks);
	if (ev->phase == TRACE_COUNTER) {
		write_counter(&t, ev, track);
	} else {
		track->has_events = true;
		write_edge(&t, ev, ev->phase == TRACE_SLICE ? SLICE_BEGIN : INSTANT);
	}
	if (ev->phase == TRACE_SLICE)
		write_edge(&t, ev, SLICE_END);
	release(&t);
	return t.err;
}

/* ---- all -------------------------------------------------------------------------------- */

static int pftrace_profile(struct writer *w, struct profile *p)
{
	struct pftrace t = { .p = p, .out = &w->out };
	size_t i;
	int err = 0;

	profile_writer__span_marks(p);
	t.seen = calloc(p->n_functions + 1, sizeof(*t.seen));
	if (!t.seen)
		return -ENOMEM;
	if (!p->events) /* else it was said with the first of them; clocks must not go back */
		write_clocks(&t,
			     &(struct clocks){ p->start, p->realtime_offset, p->boottime_offset });
	write_processes(&t);
	for (i = 0; i < p->n_tracks && !err; i++) {
		if (p->tracks[i]->calls.n || p->tracks[i]->has_events)
			err = write_track(&t, p->tracks[i]);
	}
	release(&t);
	return err ? err : t.err;
}

const struct writer_ops pftrace_writer = {
	.name = "pftrace",
	.extension = ".pftrace",
	.event = pftrace_event,
	.profile = pftrace_profile,
	PROFILE_WRITER_FUNCTIONS,
};

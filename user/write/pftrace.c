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
#include "pftrace_parts.h"

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

/* ---- packets ---------------------------------------------------------------------------- */

void pftrace__add_part(struct pftrace *t, uint32_t field)
{
	protobuf__bytes(&t->packet, field, t->part.data, t->part.n);
	protobuf__clear(&t->part);
}

void pftrace__add_inner(struct pftrace *t, uint32_t field)
{
	protobuf__bytes(&t->part, field, t->inner.data, t->inner.n);
	protobuf__clear(&t->inner);
}

void pftrace__write_packet(struct pftrace *t)
{
	protobuf__write_bytes(t->out, TRACE_PACKET, t->packet.data, t->packet.n);
	protobuf__clear(&t->packet);
	if (!t->err)
		t->err = t->packet.err ? t->packet.err : t->part.err ? t->part.err : t->inner.err;
}

void pftrace__add_text(struct pftrace *t, struct protobuf *m, uint32_t field, const char *s,
		       size_t n)
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
	pftrace__add_inner(t, SNAPSHOT_CLOCKS);
}

void pftrace__write_clocks(struct pftrace *t, const struct pftrace_clocks *c)
{
	add_clock(t, CLOCK_MONO, c->now, false);
	if (c->boottime_offset || c->realtime_offset)
		add_clock(t, CLOCK_BOOT, c->now + (uint64_t)c->boottime_offset, false);
	if (c->realtime_offset)
		add_clock(t, CLOCK_REAL, c->now + (uint64_t)c->realtime_offset, false);
	protobuf__u64(&t->part, SNAPSHOT_PRIMARY, CLOCK_MONO);
	pftrace__add_part(t, PACKET_CLOCK_SNAPSHOT);
	pftrace__write_packet(t);
}

static void write_processes(struct pftrace *t)
{
	const struct profile_process *process;

	for (process = t->p->processes; process; process = process->hh.next) {
		protobuf__u64(&t->inner, PROCESS_PID, process->pid);
		if (process->name.n)
			pftrace__add_text(t, &t->inner, PROCESS_NAME, process->name.p,
					  process->name.n);
		protobuf__u64(&t->part, DESCRIPTOR_UUID, (uint64_t)process->pid + 1);
		pftrace__add_inner(t, DESCRIPTOR_PROCESS);
		pftrace__add_part(t, PACKET_TRACK_DESCRIPTOR);
		pftrace__write_packet(t);
	}
}

uint64_t pftrace__uuid_of(const struct profile_track *track)
{
	return THREAD_UUID + track->number + 1;
}

/* A thread by its tid; what is none, a track of the process by its name. */
static void write_descriptor(struct pftrace *t, const struct profile_track *track)
{
	protobuf__u64(&t->part, DESCRIPTOR_UUID, pftrace__uuid_of(track));
	if (track->tid && track->tid <= KERNEL_TID_MAX && !track->is_gaps && !track->level) {
		protobuf__u64(&t->inner, THREAD_PID, track->pid);
		protobuf__u64(&t->inner, THREAD_TID, track->tid);
		pftrace__add_text(t, &t->inner, THREAD_NAME, track->name.p, track->name.n);
		pftrace__add_inner(t, DESCRIPTOR_THREAD);
	} else {
		pftrace__add_text(t, &t->part, DESCRIPTOR_NAME, track->name.p, track->name.n);
		protobuf__u64(&t->part, DESCRIPTOR_PARENT, (uint64_t)track->pid + 1);
	}
	pftrace__add_part(t, PACKET_TRACK_DESCRIPTOR);
	pftrace__write_packet(t);
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
	pftrace__add_part(t, PACKET_CLOCK_SNAPSHOT);
	protobuf__u64(&t->inner, EVENT_TRACK_UUID, pftrace__uuid_of(track));
	pftrace__add_inner(t, DEFAULTS_TRACK_EVENT);
	protobuf__u64(&t->part, DEFAULTS_CLOCK_ID, CLOCK_OF_SEQUENCE);
	pftrace__add_part(t, PACKET_DEFAULTS);
	protobuf__u64(&t->inner, INTERNED_IID, 1);
	pftrace__add_text(t, &t->inner, INTERNED_NAME, categories[track->is_gaps],
			  strlen(categories[track->is_gaps]));
	pftrace__add_inner(t, INTERNED_CATEGORIES);
	pftrace__add_part(t, PACKET_INTERNED_DATA);
	pftrace__write_packet(t);
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
	pftrace__add_text(t, &t->inner, INTERNED_NAME, label, profile__put_label(f, label));
	free(label);
	pftrace__add_inner(t, INTERNED_NAMES);
	pftrace__add_part(t, PACKET_INTERNED_DATA);
}

void pftrace__add_open(struct pftrace *t, uint8_t flags)
{
	static const char *const edges[] = { "", "start", "end", "both" };
	const char *edge = edges[flags & (PROFILE_OPEN_START | PROFILE_OPEN_END)];

	protobuf__bytes(&t->inner, ANNOTATION_STRING, edge, strlen(edge));
	protobuf__bytes(&t->inner, ANNOTATION_NAME, "open", 4);
	pftrace__add_inner(t, EVENT_ANNOTATIONS);
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
		pftrace__add_open(t, ev->flags);
	pftrace__add_part(t, PACKET_TRACK_EVENT);
	pftrace__write_packet(t);
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

void pftrace__release(struct pftrace *t)
{
	protobuf__release(&t->packet);
	protobuf__release(&t->part);
	protobuf__release(&t->inner);
	free(t->scratch);
	free(t->seen);
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
		pftrace__write_clocks(&t, &(struct pftrace_clocks){ p->start, p->realtime_offset,
								    p->boottime_offset });
	write_processes(&t);
	for (i = 0; i < p->n_tracks && !err; i++) {
		if (p->tracks[i]->calls.n || p->tracks[i]->has_events)
			err = write_track(&t, p->tracks[i]);
	}
	pftrace__release(&t);
	return err ? err : t.err;
}

const struct writer_ops pftrace_writer = {
	.name = "pftrace",
	.extension = ".pftrace",
	.slice = pftrace__slice,
	.event = pftrace__event,
	.profile = pftrace_profile,
	PROFILE_WRITER_OTHERS,
};

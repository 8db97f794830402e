/* SPDX-License-Identifier: GPL-2.0-only */
/* Private to the files pftrace*.c: fields of the protobuf messages, and the packet being made. */
#ifndef VTBPF_PFTRACE_PARTS_H
#define VTBPF_PFTRACE_PARTS_H

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
enum annotation_field {
	ANNOTATION_INT = 4,
	ANNOTATION_STRING = 6,
	ANNOTATION_NAME = 10,
	ANNOTATION_ENTRIES = 11
};

#define KERNEL_TID_MAX 4194304u /* larger ones are made up: include/linux/threads.h */
#define THREAD_UUID (1ULL << 32)
#define COUNTER_UUID (1ULL << 48)
#define EVENTS_SEQUENCE UINT32_MAX /* of what is no call, on all tracks */

#define TAIL_MAX 16 /* the sequence's number */

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

struct pftrace_clocks {
	uint64_t now; /* ns */
	int64_t realtime_offset, boottime_offset;
};

/* How the clocks of the machine stood to one another. */
void pftrace__write_clocks(struct pftrace *t, const struct pftrace_clocks *c);

/* What was made of a message becomes a field of the one around it, or a packet of the file. */
void pftrace__add_inner(struct pftrace *t, uint32_t field);
void pftrace__add_part(struct pftrace *t, uint32_t field);
void pftrace__write_packet(struct pftrace *t);

/* A field of text, which may be any bytes; and what a call is annotated with that was cut off. */
void pftrace__add_text(struct pftrace *t, struct protobuf *m, uint32_t field, const char *s,
		       size_t n);
void pftrace__add_open(struct pftrace *t, uint8_t flags);

uint64_t pftrace__uuid_of(const struct profile_track *track);
void pftrace__release(struct pftrace *t);

/* ---- pftrace_events.c ------------------------------------------------------------------- */

int pftrace__event(struct writer *w, const struct trace_event *ev);
int pftrace__slice(struct writer *w, const struct slice *s);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For formats that need the calls of a thread callers first, or added up: the trace is first made a
 * profile (decode/profile.h), then the format's `profile` writes it whole.
 */
#ifndef VTBPF_PROFILE_WRITER_H
#define VTBPF_PROFILE_WRITER_H

#include "../decode/profile.h"
#include "writer.h"

int profile_writer__begin(struct writer *w);
int profile_writer__process(struct writer *w, const struct session_process *p);
int profile_writer__track(struct writer *w, const struct track *track);
int profile_writer__slice(struct writer *w, const struct slice *slice);
uint8_t profile_writer__flags(const struct slice *slice); /* PROFILE_OPEN_* of it */
int profile_writer__gap(struct writer *w, const struct gap *gap);
int profile_writer__sample(struct writer *w, const struct stack_sample *sample);
int profile_writer__end(struct writer *w);
void profile_writer__release(struct writer *w);

/* For a format that writes what is no call as it comes: the profile, and the track's in it. */
struct profile *profile_writer__profile(struct writer *w);
struct profile_track *profile_writer__track_of(struct writer *w, const struct track *track);

/* For one that shows it with losses and windows: adds it to a track of its own beside the thread's. Both
 * ends of an arrow are marks there, and counters are left out. */
int profile_writer__event(struct writer *w, const struct trace_event *ev);

/* For sums: takes waits for the GIL, and nothing else. */
int profile_writer__gil_wait(struct writer *w, const struct trace_event *ev);

/* All of a format's functions but `slice` and `profile`; and but `profile`. */
#define PROFILE_WRITER_OTHERS                                               \
	.begin = profile_writer__begin, .process = profile_writer__process, \
	.track = profile_writer__track, .gap = profile_writer__gap,         \
	.sample = profile_writer__sample, .end = profile_writer__end,       \
	.release = profile_writer__release
#define PROFILE_WRITER_FUNCTIONS PROFILE_WRITER_OTHERS, .slice = profile_writer__slice

/* Takes the profiles of several inputs, one after the other, instead of an output. take: 0 or a negative
 * errno; the profile is gone when it returns. */
struct profile_sink {
	int (*take)(struct profile_sink *sink, const struct profile *p);
};

/* Widens the profile's time to losses, windows and pauses: for what shows them. */
void profile_writer__span_marks(struct profile *p);

/* Where calls were recorded for a while and stacks sampled then, sums are of one of them alone: what is
 * left out, as a sentence without its stop. False where there was only one. */
bool profile_writer__left_out(const struct profile *p, char *text, size_t size);
void profile_writer__warn_of_left_out(const struct profile *p);

/* What to call a track beside others: its name, and its process where there are several. Bytes of any
 * value, the caller's to free; NULL when out of memory. */
char *profile_writer__track_name(const struct profile *p, const struct profile_track *t);

#endif

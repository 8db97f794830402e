// SPDX-License-Identifier: GPL-2.0-only
/* speedscope's own format, evented: https://www.speedscope.app/file-format-schema.json. One profile a
 * track, with what opens and closes on it in order of time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../decode/profile_events.h"
#include "../decode/text_set.h"
#include "../version.h"
#include "json_writer.h"
#include "own_file.h"
#include "profile_writer.h"

#define SCHEMA "https://www.speedscope.app/file-format-schema.json"

struct speedscope {
	const struct profile *p;
	struct json_writer json;
	struct text_set names; /* of tracks */
	uint64_t base;	       /* time 0 of the file, ns */
};

static void write_frames(struct speedscope *s)
{
	struct json_writer *j = &s->json;
	const struct profile_function *f;
	size_t i;

	json__key(j, "shared");
	json__open(j, '{');
	json__key(j, "frames");
	json__open(j, '[');
	for (i = 0; i < s->p->n_functions; i++) {
		f = &s->p->functions[i];
		json__open(j, '{');
		json__key(j, "name");
		json__string_n(j, f->name.p, f->name.n);
		if (f->file.n) {
			json__key(j, "file");
			json__string_n(j, f->file.p, f->file.n);
			json__u64_field(j, "line", f->line);
		}
		json__close(j, '}');
	}
	json__close(j, ']');
	json__close(j, '}');
}

/* ---- events ----------------------------------------------------------------------------- */

static int write_event(void *arg, const struct profile_event *ev)
{
	static const char kind[2][16] = { "{\"type\":\"C\"", "{\"type\":\"O\"" };
	struct speedscope *s = arg;
	struct outbuf *o = s->json.out;
	char *p = outbuf__reserve(o, 96);

	if (s->json.comma)
		*p++ = ',';
	s->json.comma = true;
	memcpy(p, kind[ev->opens], 11);
	memcpy(p + 11, ",\"frame\":", 9);
	p = json__put_u64(p + 20, ev->function);
	memcpy(p, ",\"at\":", 6);
	p = json__put_u64(p + 6, ev->at - s->base);
	*p++ = '}';
	*p++ = '\n';
	o->at = p;
	return o->err;
}

static int write_events(struct speedscope *s, const struct profile_track *t)
{
	int err;

	json__key(&s->json, "events");
	json__open(&s->json, '[');
	err = profile_events__run(s->p, t, write_event, s);
	json__close(&s->json, ']');
	return err;
}

/* ---- profiles --------------------------------------------------------------------------- */

/* Several threads may have one name. */
static bool is_shared_name(const struct speedscope *s, const struct profile_track *t)
{
	struct text_entry *e;

	HASH_FIND(hh, s->names.by_text, t->name.p, t->name.n, e);
	return e && e->uses > 1;
}

static int note_names(struct speedscope *s)
{
	int64_t no = 0;
	size_t i;

	for (i = 0; i < s->p->n_tracks && no >= 0; i++) {
		const struct profile_track *t = s->p->tracks[i];

		if (t->calls.n)
			no = text_set__add(&s->names, t->name.p, t->name.n);
	}
	return no < 0 ? (int)no : 0;
}

static int write_name(struct speedscope *s, const struct profile_track *t)
{
	char *name = profile_writer__track_name(s->p, t);
	char more[96] = "";

	if (!name)
		return -ENOMEM;
	if (t->lost)
		snprintf(more, sizeof(more), " (%llu calls)", (unsigned long long)t->lost);
	else if (is_shared_name(s, t))
		snprintf(more, sizeof(more), " (tid %llu)", (unsigned long long)t->tid);
	json__key(&s->json, "name");
	json__string_begin(&s->json);
	json__string_part(&s->json, name, strlen(name));
	json__string_part(&s->json, more, strlen(more));
	json__string_end(&s->json);
	free(name);
	return 0;
}

static int write_profile(struct speedscope *s, const struct profile_track *t)
{
	struct json_writer *j = &s->json;
	int err;

	json__open(j, '{');
	json__str_field(j, "type", "evented");
	err = write_name(s, t);
	json__str_field(j, "unit", "nanoseconds");
	json__u64_field(j, "startValue", 0);
	json__u64_field(j, "endValue", s->p->end - s->base);
	if (!err)
		err = write_events(s, t);
	json__close(j, '}');
	return err;
}

/* speedscope refuses a file without profiles. */
static void write_empty_profile(struct json_writer *j)
{
	json__open(j, '{');
	json__str_field(j, "type", "evented");
	json__str_field(j, "name", "no calls");
	json__str_field(j, "unit", "nanoseconds");
	json__u64_field(j, "startValue", 0);
	json__u64_field(j, "endValue", 0);
	json__key(j, "events");
	json__open(j, '[');
	json__close(j, ']');
	json__close(j, '}');
}

static int write_profiles(struct speedscope *s)
{
	bool any = false;
	size_t i;
	int err = 0;

	json__key(&s->json, "profiles");
	json__open(&s->json, '[');
	for (i = 0; i < s->p->n_tracks && !err; i++) {
		if (!s->p->tracks[i]->calls.n)
			continue;
		any = true;
		err = write_profile(s, s->p->tracks[i]);
	}
	if (!any)
		write_empty_profile(&s->json);
	json__close(&s->json, ']');
	return err;
}

/* speedscope passes over keys that it does not know. */
static void write_info(struct speedscope *s)
{
	struct json_writer *j = &s->json;

	json__key(j, "vtbpf");
	json__open(j, '{');
	json__str_field(j, "version", VTBPF_VERSION);
	json__u64_field(j, "lost", s->p->lost);
	json__us_field(j, "start_us", s->base);
	if (profile__is_sampled(s->p)) {
		json__u64_field(j, "sample_period_ns", s->p->period);
		json__u64_field(j, "samples_lost", s->p->samples_lost);
		json__u64_field(j, "samples_unreadable", s->p->samples_unreadable);
	}
	json__str_field(j, OWN_FILE_JSON_KEY, OWN_FILE_JSON_VALUE VTBPF_VERSION);
	json__close(j, '}');
}

static int speedscope_profile(struct writer *w, struct profile *p)
{
	struct speedscope s = { .p = p };
	int err;

	profile_writer__span_marks(p);
	s.base = p->start;
	json__init(&s.json, &w->out);
	json__open(&s.json, '{');
	json__str_field(&s.json, "$schema", SCHEMA);
	json__str_field(&s.json, "exporter", "vtbpf " VTBPF_VERSION);
	json__u64_field(&s.json, "activeProfileIndex", 0);
	write_frames(&s);
	err = note_names(&s);
	if (!err)
		err = write_profiles(&s);
	write_info(&s);
	json__close(&s.json, '}');
	outbuf__write(&w->out, "\n", 1);
	text_set__release(&s.names);
	return err;
}

const struct writer_ops speedscope_writer = {
	.name = "speedscope",
	.extension = ".speedscope.json",
	.profile = speedscope_profile,
	PROFILE_WRITER_FUNCTIONS,
};

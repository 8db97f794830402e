// SPDX-License-Identifier: GPL-2.0-only
/*
 * pprof's profile.proto, gzipped. Numbers of fields: google/pprof, proto/profile.proto. A sample is a
 * distinct stack of a thread, with how many calls had it and the time in them alone; the string table
 * comes at the end, which the format allows.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../decode/profile_stacks.h"
#include "../utf.h"
#include "../version.h"
#include "profile_writer.h"
#include "protobuf.h"
#include "../decode/text_set.h"

enum profile_field {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLE = 2,
	PROFILE_LOCATION = 4,
	PROFILE_FUNCTION = 5,
	PROFILE_STRING_TABLE = 6,
	PROFILE_TIME_NANOS = 9,
	PROFILE_DURATION_NANOS = 10,
	PROFILE_PERIOD_TYPE = 11,
	PROFILE_PERIOD = 12,
	PROFILE_COMMENT = 13,
	PROFILE_DEFAULT_SAMPLE_TYPE = 14,
};

enum value_type_field { VALUE_TYPE = 1, VALUE_UNIT = 2 };
enum sample_field { SAMPLE_LOCATION_ID = 1, SAMPLE_VALUE = 2, SAMPLE_LABEL = 3 };
enum label_field { LABEL_KEY = 1, LABEL_STR = 2, LABEL_NUM = 3 };
enum location_field { LOCATION_ID = 1, LOCATION_LINE = 4 };
enum line_field { LINE_FUNCTION_ID = 1, LINE_LINE = 2 };

enum function_field {
	FUNCTION_ID = 1,
	FUNCTION_NAME = 2,
	FUNCTION_SYSTEM_NAME = 3,
	FUNCTION_FILENAME = 4,
	FUNCTION_START_LINE = 5,
};

struct pprof {
	const struct profile *p;
	struct outbuf *out;
	struct text_set strings; /* number 0 is the empty one */
	struct stack_tree tree;
	uint32_t *frame_of; /* by function: itself */
	struct protobuf message, inner;
	int err;
};

/* The string's number in the table; what is not UTF-8 becomes U+FFFD. */
static uint64_t string_n(struct pprof *pp, const char *s, size_t n)
{
	char *text = malloc(UTF8_MAX(n));
	int64_t no;

	no = text ? text_set__add(&pp->strings, text, utf8__repair(s, n, text)) : -ENOMEM;
	free(text);
	if (no < 0)
		pp->err = (int)no;
	return no < 0 ? 0 : (uint64_t)no;
}

static uint64_t string(struct pprof *pp, const char *s)
{
	return string_n(pp, s, strlen(s));
}

static void write_message(struct pprof *pp, uint32_t field)
{
	if (pp->message.err)
		pp->err = pp->message.err;
	else
		protobuf__write_bytes(pp->out, field, pp->message.data, pp->message.n);
	protobuf__clear(&pp->message);
}

static void add_inner(struct pprof *pp, uint32_t field)
{
	if (pp->inner.err)
		pp->err = pp->inner.err;
	else
		protobuf__bytes(&pp->message, field, pp->inner.data, pp->inner.n);
	protobuf__clear(&pp->inner);
}

static void write_sample_type(struct pprof *pp, const char *type, const char *unit)
{
	protobuf__u64(&pp->message, VALUE_TYPE, string(pp, type));
	protobuf__u64(&pp->message, VALUE_UNIT, string(pp, unit));
	write_message(pp, PROFILE_SAMPLE_TYPE);
}

/* ---- samples ---------------------------------------------------------------------------- */

static void add_label(struct pprof *pp, const char *key, uint64_t str, uint64_t num)
{
	protobuf__u64(&pp->inner, LABEL_KEY, string(pp, key));
	protobuf__u64(&pp->inner, LABEL_STR, str);
	protobuf__u64(&pp->inner, LABEL_NUM, num);
	add_inner(pp, SAMPLE_LABEL);
}

/* The leaf comes first. Locations are numbered as functions are, from 1 on. */
static void write_sample(struct pprof *pp, const struct profile_track *t, uint32_t node,
			 uint64_t thread)
{
	const struct stack_node *nodes = pp->tree.nodes, *leaf = &nodes[node];
	size_t begun = protobuf__begin(&pp->message, SAMPLE_LOCATION_ID);

	for (; node != STACK_ROOT; node = nodes[node].parent)
		protobuf__value(&pp->message, (uint64_t)nodes[node].frame + 1);
	protobuf__end(&pp->message, begun);
	begun = protobuf__begin(&pp->message, SAMPLE_VALUE);
	protobuf__value(&pp->message, leaf->count);
	protobuf__value(&pp->message, leaf->self);
	protobuf__end(&pp->message, begun);
	add_label(pp, "thread", thread, 0);
	add_label(pp, "tid", 0, t->tid);
	add_label(pp, "pid", 0, t->pid);
	write_message(pp, PROFILE_SAMPLE);
}

static int write_track(struct pprof *pp, const struct profile_track *t)
{
	uint64_t thread = string_n(pp, t->name.p, t->name.n);
	uint32_t i;
	int err;

	stack_tree__release(&pp->tree);
	err = stack_tree__init(&pp->tree);
	if (!err)
		err = profile_stacks__add(pp->p, t, &pp->tree, STACK_ROOT, pp->frame_of);
	for (i = 0; i < pp->tree.n && !err; i++) { /* 0: samples without Python code */
		if (pp->tree.nodes[i].count)
			write_sample(pp, t, i, thread);
		err = pp->err ? pp->err : pp->out->err;
	}
	return err;
}

static int write_tracks(struct pprof *pp)
{
	const struct profile_track *t;
	size_t i;
	int err = 0;

	for (i = 0; i < pp->p->n_tracks && !err; i++) {
		t = pp->p->tracks[i];
		if (!profile_track__is_empty(t) && !t->is_gaps)
			err = write_track(pp, t);
	}
	return err;
}

/* ---- functions -------------------------------------------------------------------------- */

struct function_names {
	uint64_t name, system;
};

/*
 * pprof adds up what has one name, so functions that share theirs get their place with it. Where both
 * names are equal pprof takes them for C++ and cuts out what stands in angle brackets, as <module> does
 * (internal/symbolizer/symbolizer.go, demangleSingleFunction): so they never are.
 */
static struct function_names name_function(struct pprof *pp, const struct profile_function *f,
					   const struct text_set *names)
{
	uint64_t name = string_n(pp, f->name.p, f->name.n), full;
	char *label = malloc(profile__label_size(f));
	struct text_entry *e;

	if (!label) {
		pp->err = -ENOMEM;
		return (struct function_names){ name, 0 };
	}
	full = string_n(pp, label, profile__put_label(f, label));
	free(label);
	HASH_FIND(hh, names->by_text, f->name.p, f->name.n, e);
	if (full == name)
		return (struct function_names){ name, 0 };
	if (e && e->uses == 1 && name)
		return (struct function_names){ name, full };
	return (struct function_names){ full, name };
}

static void write_function(struct pprof *pp, size_t i, const struct text_set *names)
{
	const struct profile_function *f = &pp->p->functions[i];
	struct function_names n = name_function(pp, f, names);
	uint64_t id = i + 1;

	protobuf__u64(&pp->message, FUNCTION_ID, id);
	protobuf__u64(&pp->message, FUNCTION_NAME, n.name);
	protobuf__u64(&pp->message, FUNCTION_SYSTEM_NAME, n.system);
	protobuf__u64(&pp->message, FUNCTION_FILENAME, string_n(pp, f->file.p, f->file.n));
	protobuf__u64(&pp->message, FUNCTION_START_LINE, f->line);
	write_message(pp, PROFILE_FUNCTION);
	protobuf__u64(&pp->inner, LINE_FUNCTION_ID, id);
	protobuf__u64(&pp->inner, LINE_LINE, f->line);
	protobuf__u64(&pp->message, LOCATION_ID, id);
	add_inner(pp, LOCATION_LINE);
	write_message(pp, PROFILE_LOCATION);
}

static int write_functions(struct pprof *pp)
{
	struct text_set names = {};
	int64_t no = 0;
	size_t i;

	for (i = 0; i < pp->p->n_functions && no >= 0; i++)
		no = text_set__add(&names, pp->p->functions[i].name.p, pp->p->functions[i].name.n);
	for (i = 0; i < pp->p->n_functions && no >= 0; i++)
		write_function(pp, i, &names);
	text_set__release(&names);
	return no < 0 ? (int)no : pp->err;
}

/* ---- all -------------------------------------------------------------------------------- */

static void write_comment(struct pprof *pp, const char *text)
{
	uint64_t no = string(pp, text);

	protobuf__write_u64(pp->out, PROFILE_COMMENT, no);
}

/* What was sampled without --wall is CPU time. */
static const char *type_of_time(const struct profile *p)
{
	return profile__is_sampled(p) && !p->wall ? "cpu" : "wall";
}

static void write_types(struct pprof *pp)
{
	const struct profile *p = pp->p;

	write_sample_type(pp, profile__is_sampled(p) ? "samples" : "calls", "count");
	write_sample_type(pp, type_of_time(p), "nanoseconds");
}

static void write_about(struct pprof *pp)
{
	const struct profile *p = pp->p;
	char text[96];

	if (p->realtime_offset)
		protobuf__write_u64(pp->out, PROFILE_TIME_NANOS,
				    p->start + (uint64_t)p->realtime_offset);
	protobuf__write_u64(pp->out, PROFILE_DURATION_NANOS, p->end - p->start);
	protobuf__write_u64(pp->out, PROFILE_DEFAULT_SAMPLE_TYPE, string(pp, type_of_time(p)));
	if (profile__is_sampled(p)) {
		protobuf__u64(&pp->message, VALUE_TYPE, string(pp, type_of_time(p)));
		protobuf__u64(&pp->message, VALUE_UNIT, string(pp, "nanoseconds"));
		write_message(pp, PROFILE_PERIOD_TYPE);
		protobuf__write_u64(pp->out, PROFILE_PERIOD, p->period);
	}
	write_comment(pp, "vtbpf " VTBPF_VERSION);
	if (p->lost) {
		snprintf(text, sizeof(text), "%llu calls were lost while tracing",
			 (unsigned long long)p->lost);
		write_comment(pp, text);
	}
	if (p->samples_lost + p->samples_unreadable) {
		snprintf(text, sizeof(text), "%llu samples were lost, %llu were unreadable",
			 (unsigned long long)p->samples_lost,
			 (unsigned long long)p->samples_unreadable);
		write_comment(pp, text);
	}
}

static int write_all(struct pprof *pp)
{
	size_t i;
	int err;

	pp->frame_of = calloc(pp->p->n_functions + 1, sizeof(*pp->frame_of));
	if (!pp->frame_of)
		return -ENOMEM;
	for (i = 0; i < pp->p->n_functions; i++)
		pp->frame_of[i] = (uint32_t)i;
	string(pp, "");
	write_types(pp);
	err = write_tracks(pp);
	if (!err)
		err = write_functions(pp);
	write_about(pp);
	for (i = 0; i < pp->strings.n && !err; i++)
		protobuf__write_bytes(pp->out, PROFILE_STRING_TABLE, pp->strings.entries[i]->text,
				      pp->strings.entries[i]->n);
	return err ? err : pp->err;
}

static int pprof_profile(struct writer *w, struct profile *p)
{
	struct pprof pp = { .p = p, .out = &w->out };
	int err = write_all(&pp);

	profile_writer__warn_of_left_out(p);
	stack_tree__release(&pp.tree);
	text_set__release(&pp.strings);
	protobuf__release(&pp.message);
	protobuf__release(&pp.inner);
	free(pp.frame_of);
	return err;
}

const struct writer_ops pprof_writer = {
	.name = "pprof",
	.extension = ".pb.gz",
	.gzip = true,
	.profile = pprof_profile,
	PROFILE_WRITER_FUNCTIONS,
};

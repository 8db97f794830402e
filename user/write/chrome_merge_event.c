// SPDX-License-Identifier: GPL-2.0-only
/* One event with the time and the ids that it has among others. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../decode/row_ids.h"
#include "chrome_merge.h"

#define FLOW_ID_BITS 40 /* of an input's own; its number stands above them, all within a double */

/* What changes in an event. */
struct changes {
	const struct merge_input *in;
	size_t number;
	const struct scan_process *process;
	const struct scan_row *row;
	bool is_name; /* of a process whose pid is made up */
	bool is_metadata, is_flow;
	struct json_span args;
};

bool chrome_merge__time(const struct merge_input *in, struct json_span value, int64_t *at)
{
	if (!json_text__us_to_ns(value, at) || *at > SCAN_TIME_MAX || *at < -SCAN_TIME_MAX)
		return false;
	*at += in->clock->shift;
	return true;
}

void chrome_merge__us(struct json_writer *j, int64_t ns)
{
	char text[32], *p = text;

	if (ns < 0)
		*p++ = '-';
	p = json__put_us(p, ns < 0 ? -(uint64_t)ns : (uint64_t)ns);
	json__raw(j, text, (size_t)(p - text));
}

bool chrome_merge__is_plain(const struct chrome_merge *m, size_t number)
{
	const struct merge_input *in = &m->in[number];
	const struct scan_process *p;
	const struct scan_row *row;

	if (in->clock->shift || (number && in->scan.has_flows))
		return false;
	for (p = in->scan.first_process; p; p = p->next) {
		if (row_ids__moved(p))
			return false;
	}
	for (row = in->scan.first_row; row; row = row->next) {
		if (row->shown != row->key.tid)
			return false;
	}
	return true;
}

/* ---- names of processes ----------------------------------------------------------------- */

/* Behind the name, in the string that is open: which process it was. */
static void write_origin(struct json_writer *j, const struct changes *ch, const char *before)
{
	const struct scan_process *p = ch->process;
	const char *host = ch->in->scan.host;
	const char *where = host ? host : ch->in->name;
	char text[64];
	int n;

	if (p->key.odd)
		n = snprintf(text, sizeof(text), "%s(%s ", before, host ? "on" : "in");
	else
		n = snprintf(text, sizeof(text), "%s(pid %lld %s ", before,
			     (long long)p->kernel_pid, host ? "on" : "in");
	json__string_part(j, text, (size_t)n);
	json__string_part(j, where, strlen(where));
	json__string_part(j, ")", 1);
}

/* A name that tells of a pid made up earlier is left as it is. */
static bool tells_pid(const char *name, const struct scan_process *p)
{
	char text[32];

	snprintf(text, sizeof(text), " (pid %lld ", (long long)p->kernel_pid);
	return (uint64_t)p->kernel_pid != p->key.pid && strstr(name, text);
}

static int write_name(struct json_writer *j, const struct changes *ch)
{
	struct json_span name;
	char *text = NULL;

	json__open(j, '{');
	json__key(j, "name");
	if (ch->args.n && json_text__find(ch->args, "name", &name)) {
		text = malloc(name.n + 1);
		if (!text)
			return -ENOMEM;
		if (json_text__unquote(name, text) < 0)
			*text = '\0';
	}
	json__string_begin(j);
	if (text)
		json__string_part(j, text, strlen(text));
	if (!text || !tells_pid(text, ch->process))
		write_origin(j, ch, text ? " " : "");
	json__string_end(j);
	if (!ch->process->key.odd)
		json__u64_field(j, "pid", (uint64_t)ch->process->kernel_pid);
	if (ch->in->scan.host)
		json__str_field(j, "host", ch->in->scan.host);
	json__close(j, '}');
	free(text);
	return 0;
}

void chrome_merge__name_processes(struct chrome_merge *m, size_t number)
{
	struct changes ch = { .in = &m->in[number] };
	const struct scan_process *p = ch.in->scan.first_process;
	struct json_writer *j = &m->json;

	for (; p; p = p->next) {
		if (p->named || !row_ids__moved(p))
			continue;
		ch.process = p;
		json__open(j, '{');
		json__str_field(j, "ph", "M");
		json__u64_field(j, "pid", p->shown);
		json__u64_field(j, "tid", p->shown);
		json__str_field(j, "name", "process_name");
		json__key(j, "args");
		write_name(j, &ch);
		json__close(j, '}');
		outbuf__write(j->out, "\n", 1);
	}
}

/* ---- values ----------------------------------------------------------------------------- */

static int write_time(struct json_writer *j, const struct changes *ch, struct json_span value)
{
	int64_t at;

	if (!chrome_merge__time(ch->in, value, &at))
		return -EBADMSG;
	chrome_merge__us(j, at);
	return 1;
}

/* Ids of arrows hold for all processes: those of each input are kept apart. */
static int write_flow_id(struct json_writer *j, const struct changes *ch, struct json_span value)
{
	char text[32];
	int64_t id;
	int n;

	if (json_text__to_int(value, &id) && id >= 0 && id >> FLOW_ID_BITS == 0) {
		json__u64(j, (uint64_t)ch->number << FLOW_ID_BITS | (uint64_t)id);
		return 1;
	}
	if (value.n < 2 || *value.p != '"')
		return 0;
	n = snprintf(text, sizeof(text), "\"%zu:", ch->number);
	json__raw(j, text, (size_t)n);
	outbuf__write(j->out, value.p + 1, value.n - 1);
	return 1;
}

/* Writes the member's new value: 1, 0 when it stays as it is, or a negative errno. */
static int write_value(struct json_writer *j, const struct changes *ch, struct json_span key,
		       struct json_span value)
{
	j->comma = false;
	if (json_text__is(key, "ts") && ch->in->clock->shift && !ch->is_metadata)
		return write_time(j, ch, value);
	if (json_text__is(key, "pid") && ch->process && row_ids__moved(ch->process)) {
		json__u64(j, ch->process->shown);
		return 1;
	}
	if (json_text__is(key, "tid") && ch->row && ch->row->shown != ch->row->key.tid) {
		json__u64(j, ch->row->shown);
		return 1;
	}
	if (json_text__is(key, "args") && ch->is_name) {
		int err = write_name(j, ch);

		return err ? err : 1;
	}
	if (json_text__is(key, "id") && ch->is_flow && ch->number)
		return write_flow_id(j, ch, value);
	return 0;
}

/* ---- events ----------------------------------------------------------------------------- */

static int find_changes(const struct merge_input *in, struct json_span event, struct changes *ch)
{
	struct chrome_members m;
	struct chrome_key key;
	int err = chrome_event__members(event, &m);

	if (err)
		return err;
	key = chrome_event__key(&m);
	ch->in = in;
	ch->args = m.args;
	if (m.pid.n)
		ch->process = trace_scan__process(&in->scan, &key);
	if (m.pid.n && m.tid.n)
		ch->row = trace_scan__row(&in->scan, &key);
	ch->is_metadata = m.ph.n == 3 && m.ph.p[1] == 'M';
	ch->is_flow = m.ph.n == 3 && strchr("stf", m.ph.p[1]);
	ch->is_name = ch->is_metadata && ch->process && row_ids__moved(ch->process) &&
		      json_text__is(m.name, "\"process_name\"");
	return 0;
}

int chrome_merge__event(struct chrome_merge *m, size_t number, struct json_span event)
{
	struct changes ch = { .number = number };
	struct json_span rest, key, value;
	struct json_writer *j = &m->json;
	const char *from = event.p;
	int more = find_changes(&m->in[number], event, &ch), written;

	if (more || !json_text__enter(event, '{', &rest))
		return more ? more : -EBADMSG;
	json__raw(j, from, 1); /* the bracket, with the comma before it */
	from++;
	while ((more = json_text__next_member(&rest, &key, &value)) > 0) {
		size_t before = (size_t)(value.p - from);

		outbuf__write(j->out, from, before);
		from = value.p;
		written = write_value(j, &ch, key, value);
		if (written < 0)
			return written;
		if (written)
			from += value.n;
	}
	outbuf__write(j->out, from, (size_t)(event.p + event.n - from));
	j->comma = true;
	return more;
}

// SPDX-License-Identifier: GPL-2.0-only
#include "chrome_event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv */
static uint64_t hash(struct json_span s)
{
	uint64_t h = 0xcbf29ce484222325;
	size_t i;

	for (i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3;
	return h;
}

/* An id is a number in VizTracer's files; Chrome allows strings. */
static uint64_t read_id(struct json_span value, uint64_t bit, uint64_t *odd)
{
	uint64_t id = 0;
	size_t i;

	for (i = 0; i < value.n && i < 18 && value.p[i] >= '0' && value.p[i] <= '9'; i++)
		id = id * 10 + (uint64_t)(value.p[i] - '0');
	if (i && i == value.n)
		return id;
	*odd |= bit;
	return hash(value);
}

static bool is_string(struct json_span value, const char *text)
{
	size_t n = strlen(text);

	return value.n == n + 2 && *value.p == '"' && !memcmp(value.p + 1, text, n);
}

/* What vtbpf shows besides calls: neither named like functions nor called by any. */
static bool is_of_calls(struct json_span cat)
{
	static const char *const others[] = {
		"vtbpf", "gc", "gil", "sched", "async", "exception", "mark",
	};
	size_t i;

	if (cat.n < 2 || !memchr("vgsaem", cat.p[1], 6)) /* what they begin with */
		return true;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (is_string(cat, others[i]))
			return false;
	}
	return true;
}

static bool is_key(struct json_span key, const char *text, size_t n)
{
	return key.n == n && !memcmp(key.p, text, n);
}

static struct json_span *member_of(struct json_span key, struct chrome_members *m)
{
	switch (key.n) {
	case 2:
		return is_key(key, "ph", 2) ? &m->ph : is_key(key, "ts", 2) ? &m->ts : NULL;
	case 3:
		if (is_key(key, "pid", 3))
			return &m->pid;
		if (is_key(key, "tid", 3))
			return &m->tid;
		return is_key(key, "cat", 3) ? &m->cat : is_key(key, "dur", 3) ? &m->dur : NULL;
	case 4:
		return is_key(key, "name", 4) ? &m->name : is_key(key, "args", 4) ? &m->args : NULL;
	default:
		return NULL;
	}
}

static bool read_times(const struct chrome_members *m, struct chrome_event *ev)
{
	int64_t dur;

	if (!json_text__us_to_ns(m->ts, &ev->start) || !json_text__us_to_ns(m->dur, &dur) ||
	    dur < 0)
		return false;
	ev->end = ev->start + dur;
	return true;
}

static bool is_gap(const struct chrome_members *m, struct chrome_event *ev)
{
	struct json_span lost;

	return is_string(m->cat, "vtbpf") && ev->args.n &&
	       json_text__find(ev->args, "lost", &lost) && json_text__to_int(lost, &ev->lost) &&
	       ev->lost > 0 && read_times(m, ev);
}

static void classify(const struct chrome_members *m, struct chrome_event *ev)
{
	if (is_string(m->ph, "M")) {
		if (is_string(ev->name, "thread_name"))
			ev->kind = CHROME_THREAD_NAME;
		else if (ev->name.n > 9 && !memcmp(ev->name.p, "\"process_", 9))
			ev->kind = CHROME_PROCESS_INFO;
		return;
	}
	if (!is_string(m->ph, "X") || !ev->has_tid || ev->name.n < 2 || *ev->name.p != '"')
		return;
	if (is_gap(m, ev))
		ev->kind = CHROME_GAP;
	else if (is_of_calls(m->cat) && read_times(m, ev))
		ev->kind = CHROME_CALL;
	else if (is_string(m->cat, "gil") && is_string(ev->name, "GIL wait") && read_times(m, ev))
		ev->kind = CHROME_GIL_WAIT;
}

int chrome_event__members(struct json_span text, struct chrome_members *m)
{
	struct json_span rest, key, value;
	int more;

	memset(m, 0, sizeof(*m));
	if (!json_text__enter(text, '{', &rest))
		return -EBADMSG;
	while ((more = json_text__next_member(&rest, &key, &value)) > 0) {
		struct json_span *member = member_of(key, m);

		if (member)
			*member = value;
	}
	return more;
}

bool chrome_event__glance(struct json_span text, struct chrome_key *key)
{
	struct chrome_members m = {};
	struct json_span rest, name, value;

	if (!json_text__enter(text, '{', &rest))
		return false;
	while (!(m.ph.n && m.pid.n && m.tid.n)) {
		struct json_span *member;

		if (json_text__next_member(&rest, &name, &value) <= 0)
			return false;
		member = member_of(name, &m);
		if (member)
			*member = value;
	}
	*key = chrome_event__key(&m);
	return is_string(m.ph, "X");
}

struct chrome_key chrome_event__key(const struct chrome_members *m)
{
	struct chrome_key key = {};

	key.pid = read_id(m->pid, CHROME_ODD_PID, &key.odd);
	key.tid = read_id(m->tid, CHROME_ODD_TID, &key.odd);
	return key;
}

bool chrome_event__is_call(const struct chrome_members *m)
{
	return is_string(m->ph, "X") && is_of_calls(m->cat);
}

int chrome_event__parse(struct json_span text, struct chrome_event *ev)
{
	struct chrome_members m;
	int err = chrome_event__members(text, &m);

	memset(ev, 0, sizeof(*ev));
	if (err)
		return err;
	ev->name = m.name;
	ev->args = m.args;
	ev->has_tid = m.tid.n;
	ev->key = chrome_event__key(&m);
	classify(&m, ev);
	return 0;
}

static bool open_is(const struct chrome_event *ev, const char *edge)
{
	struct json_span open;

	return ev->args.n && json_text__find(ev->args, "open", &open) &&
	       (is_string(open, edge) || is_string(open, "both"));
}

bool chrome_event__is_open(const struct chrome_event *ev)
{
	return open_is(ev, "end");
}

bool chrome_event__was_open(const struct chrome_event *ev)
{
	return open_is(ev, "start");
}

bool chrome_event__is_sampled(const struct chrome_event *ev)
{
	struct json_span sampled;

	return ev->args.n && json_text__find(ev->args, "sampled", &sampled) &&
	       json_text__is(sampled, "true");
}

char *chrome_event__split_name(char *name, uint32_t *line)
{
	char *end = name + strlen(name), *paren = strstr(name, " ("), *colon;

	if (!paren || end[-1] != ')')
		return NULL;
	for (colon = end - 2; colon > paren && *colon >= '0' && *colon <= '9'; colon--)
		;
	if (*colon != ':' || colon == end - 2 || colon <= paren + 1)
		return NULL;
	if (line)
		*line = (uint32_t)strtoul(colon + 1, NULL, 10);
	*paren = '\0';
	*colon = '\0';
	return paren + 2;
}

// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include "../array.h"
#include "trace_scan.h"

#define TEXT_MAX (64 << 20) /* of a member that is kept */
#define MARKERS_MAX 4096    /* names remembered */
#define MARKER_NAME_MAX 4096
#define LOOK_EVERY 4096

struct scanning {
	struct trace_scan *scan;
	struct chrome_reader *reader;
	const struct scan_options *o;
	struct scan_text *text; /* what pieces belong to, NULL: to nothing that is kept */
};

static int fail(struct trace_scan *s, const char *what)
{
	snprintf(s->why, sizeof(s->why), "%s", what);
	return -EBADMSG;
}

/* ---- rows ------------------------------------------------------------------------------- */

struct scan_process *trace_scan__process(const struct trace_scan *s, const struct chrome_key *key)
{
	struct chrome_key k = { .pid = key->pid, .odd = key->odd & CHROME_ODD_PID };
	struct scan_process *p;

	HASH_FIND(hh, s->processes, &k, sizeof(k), p);
	return p;
}

struct scan_row *trace_scan__row(const struct trace_scan *s, const struct chrome_key *key)
{
	struct scan_row *row;

	HASH_FIND(hh, s->rows, key, sizeof(*key), row);
	return row;
}

static struct scan_process *get_process(struct trace_scan *s, const struct chrome_key *key)
{
	struct scan_process *p = trace_scan__process(s, key);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->key.pid = key->pid;
	p->key.odd = key->odd & CHROME_ODD_PID;
	p->kernel_pid = p->key.odd ? 0 : (int64_t)key->pid;
	p->start_ticks = -1;
	HASH_ADD(hh, s->processes, key, sizeof(p->key), p);
	if (!p->hh.tbl) {
		free(p);
		return NULL;
	}
	if (s->last_process)
		s->last_process->next = p;
	else
		s->first_process = p;
	s->last_process = p;
	return p;
}

static struct scan_row *get_row(struct trace_scan *s, const struct chrome_key *key)
{
	struct scan_row *row = trace_scan__row(s, key);
	struct scan_process *p = row ? row->process : get_process(s, key);

	if (row || !p)
		return row;
	row = calloc(1, sizeof(*row));
	if (!row)
		return NULL;
	row->key = *key;
	row->process = p;
	row->first = row->last = CLOCK_UNKNOWN;
	HASH_ADD(hh, s->rows, key, sizeof(row->key), row);
	if (!row->hh.tbl) {
		free(row);
		return NULL;
	}
	if (s->last_row)
		s->last_row->next = row;
	else
		s->first_row = row;
	s->last_row = row;
	return row;
}

/* ---- events ----------------------------------------------------------------------------- */

static bool is_string(struct json_span value, const char *text)
{
	size_t n = strlen(text);

	return value.n == n + 2 && *value.p == '"' && !memcmp(value.p + 1, text, n);
}

const struct scan_marker *trace_scan__marker(const struct trace_scan *s, const char *name, size_t n)
{
	struct scan_marker *m;

	HASH_FIND(hh, s->markers, name, n, m);
	return m;
}

static int note_marker(struct trace_scan *s, struct json_span name, int64_t at)
{
	struct scan_marker *m;

	if (name.n < 2 || name.n > MARKER_NAME_MAX)
		return 0;
	HASH_FIND(hh, s->markers, name.p, name.n, m);
	if (m) {
		m->at = at < m->at ? at : m->at;
		return 0;
	}
	if (HASH_COUNT(s->markers) >= MARKERS_MAX)
		return 0;
	m = calloc(1, sizeof(*m) + name.n);
	if (!m)
		return -ENOMEM;
	m->at = at;
	m->n = name.n;
	memcpy(m->name, name.p, name.n);
	HASH_ADD(hh, s->markers, name[0], m->n, m);
	if (!m->hh.tbl) {
		free(m);
		return -ENOMEM;
	}
	if (s->last_marker)
		s->last_marker->next = m;
	else
		s->first_marker = m;
	s->last_marker = m;
	return 0;
}

/* Is it called that, or is that the function of "function (file:line)"? */
static bool is_wanted(struct json_span name, const char *wanted)
{
	size_t n = strlen(wanted);

	if (name.n < n + 2 || *name.p != '"')
		return false;
	return !memcmp(name.p + 1, wanted, n) &&
	       (name.n == n + 2 || (name.n > n + 4 && !memcmp(name.p + 1 + n, " (", 2)));
}

static void widen(int64_t *first, int64_t *last, int64_t from, int64_t to)
{
	if (*first == CLOCK_UNKNOWN || from < *first)
		*first = from;
	if (*last == CLOCK_UNKNOWN || to > *last)
		*last = to;
}

static int note_times(struct scanning *g, const struct chrome_members *m, struct scan_row *row)
{
	struct trace_scan *s = g->scan;
	int64_t at, dur = 0;

	if (!json_text__us_to_ns(m->ts, &at) || at > SCAN_TIME_MAX || at < -SCAN_TIME_MAX)
		return fail(s, "the time of an event is no number that makes sense");
	if (m->ph.n == 3 && strchr("stf", m->ph.p[1]))
		s->has_flows = true;
	if (m->dur.n && (!json_text__us_to_ns(m->dur, &dur) || dur < 0 || dur > SCAN_TIME_MAX))
		return fail(s, "how long an event took is no number that makes sense");
	if (s->first == CLOCK_UNKNOWN || at < s->first)
		s->first = at;
	if (is_string(m->ph, "X")) {
		s->calls += chrome_event__is_call(m);
		if (row)
			widen(&row->first, &row->last, at, at + dur);
	}
	if (g->o->marker && is_wanted(m->name, g->o->marker) &&
	    (s->wanted == CLOCK_UNKNOWN || at < s->wanted))
		s->wanted = at;
	return is_string(m->ph, "i") || is_string(m->ph, "I") ? note_marker(s, m->name, at) : 0;
}

static int note_event(struct scanning *g, struct json_span text)
{
	struct chrome_members m;
	struct chrome_key key;
	struct scan_process *p = NULL;
	struct scan_row *row = NULL;

	if (chrome_event__members(text, &m))
		return fail(g->scan, "an event is not JSON");
	key = chrome_event__key(&m);
	if (m.pid.n && !(p = get_process(g->scan, &key)))
		return -ENOMEM;
	if (m.pid.n && m.tid.n && !(row = get_row(g->scan, &key)))
		return -ENOMEM;
	if (!is_string(m.ph, "M"))
		return m.ts.n ? note_times(g, &m, row) : 0;
	if (p && is_string(m.name, "process_name"))
		p->named = true;
	return 0;
}

/* ---- members beside them ---------------------------------------------------------------- */

static int add_text(struct trace_scan *s, struct scan_text *t, struct json_span piece)
{
	if (piece.n > TEXT_MAX - t->n)
		return fail(s, "its \"vtbpf\" or \"viztracer_metadata\" is larger than 64 MB");
	if (ARRAY_RESERVE(t->p, t->room, t->n + piece.n + 1))
		return -ENOMEM;
	memcpy(t->p + t->n, piece.p, piece.n);
	t->n += piece.n;
	return 0;
}

static int on_item(struct scanning *g, int kind, struct json_span text)
{
	switch (kind) {
	case CHROME_KEY:
		g->text = NULL;
		if (json_text__is(text, "\"vtbpf\""))
			g->text = &g->scan->info;
		else if (json_text__is(text, "\"viztracer_metadata\""))
			g->text = &g->scan->metadata;
		if (g->text)
			g->text->n = 0; /* of two, the last one holds */
		return 0;
	case CHROME_PIECE:
		return g->text ? add_text(g->scan, g->text, text) : 0;
	default:
		return note_event(g, text);
	}
}

int trace_scan__read(struct trace_scan *s, struct chrome_reader *r, const struct scan_options *o)
{
	struct scanning g = { .scan = s, .reader = r, .o = o };
	struct chrome_item item;
	unsigned int n = 0;
	int kind, err;

	s->first = s->wanted = s->sync = CLOCK_UNKNOWN;
	while ((kind = chrome_reader__next(r, &item)) > 0) {
		err = on_item(&g, kind, item.text);
		if (err)
			return err;
		if (++n % LOOK_EVERY == 0 && o->cancel && *o->cancel)
			return -ECANCELED;
	}
	err = kind ? kind : trace_scan__note_info(s);
	return err ? err : chrome_reader__rewind(r);
}

void trace_scan__release(struct trace_scan *s)
{
	struct scan_process *p;
	struct scan_marker *m;
	struct scan_row *row;

	HASH_CLEAR(hh, s->processes);
	HASH_CLEAR(hh, s->rows);
	HASH_CLEAR(hh, s->markers);
	while ((p = s->first_process)) {
		s->first_process = p->next;
		free(p->boot);
		free(p);
	}
	while ((row = s->first_row)) {
		s->first_row = row->next;
		free(row);
	}
	while ((m = s->first_marker)) {
		s->first_marker = m->next;
		free(m);
	}
	free(s->info.p);
	free(s->metadata.p);
	free(s->boot);
	free(s->host);
	free(s->pairs);
	memset(s, 0, sizeof(*s));
}

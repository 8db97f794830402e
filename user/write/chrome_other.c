// SPDX-License-Identifier: GPL-2.0-only
/* What is no call, as VizTracer's format has it. */
#include <errno.h>
#include <stdlib.h>

#include "chrome.h"

/* Python's name of a function, as its calls have it. */
static int write_code(struct json_writer *j, const struct code *code)
{
	char *text = malloc(chrome__name_size(code) + 2);
	size_t n;

	if (!text)
		return -ENOMEM;
	n = chrome__put_name(code, text + 1);
	text[0] = text[n + 1] = '"';
	json__quoted(j, text, n + 2);
	free(text);
	return 0;
}

static int write_arg(struct json_writer *j, const struct trace_arg *arg)
{
	json__key(j, arg->key);
	if (arg->kind == TRACE_ARG_CODE)
		return write_code(j, arg->code);
	if (arg->kind == TRACE_ARG_TEXT)
		json__string_n(j, arg->text.data, arg->text.len);
	else
		json__i64(j, arg->number);
	return 0;
}

static int write_args(struct json_writer *j, const struct trace_event *ev)
{
	/* All args of a counter are values of it. */
	bool is_elsewhere = ev->track->kind != TRACK_THREAD && ev->phase != TRACE_COUNTER;
	int err = 0;

	if (!ev->n_args && !is_elsewhere)
		return 0;
	json__key(j, "args");
	json__open(j, '{');
	for (size_t i = 0; i < ev->n_args && !err; i++)
		err = write_arg(j, &ev->args[i]);
	if (is_elsewhere)
		json__u64_field(j, "tid", ev->thread->tid);
	json__close(j, '}');
	return err;
}

/* What only events of this phase have. */
static void write_phase(struct json_writer *j, const struct trace_event *ev)
{
	switch (ev->phase) {
	case TRACE_SLICE:
		json__us_field(j, "dur", ev->dur);
		break;
	case TRACE_INSTANT:
		json__str_field(j, "s", "t");
		break;
	case TRACE_FLOW_END:
		json__str_field(j, "bp", "e"); /* the slice around it, not the next one */
					       /* fall through */
	case TRACE_FLOW_BEGIN:
		json__u64_field(j, "id", ev->flow);
		break;
	case TRACE_COUNTER:
		break;
	}
}

int chrome__event(struct writer *w, const struct trace_event *ev)
{
	static const char *const phases[] = {
		[TRACE_SLICE] = "X",	  [TRACE_INSTANT] = "i",  [TRACE_COUNTER] = "C",
		[TRACE_FLOW_BEGIN] = "s", [TRACE_FLOW_END] = "f",
	};
	struct json_writer *j = &((struct chrome *)w->priv)->json;
	int err;

	j->comma = true; /* calls are written past it */
	json__open(j, '{');
	json__str_field(j, "ph", phases[ev->phase]);
	json__str_field(j, "cat", ev->cat);
	json__u64_field(j, "pid", ev->track->thread->pid);
	json__u64_field(j, "tid", ev->track->tid);
	json__us_field(j, "ts", ev->start);
	write_phase(j, ev);
	json__key(j, "name");
	json__string_n(j, ev->name.data, ev->name.len);
	err = write_args(j, ev);
	json__close(j, '}');
	outbuf__write(j->out, "\n", 1);
	return err;
}

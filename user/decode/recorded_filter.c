// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "selection.h"

/* One more string; n is that of the array. */
static int add(const char ***items, size_t *n, const char *value)
{
	const char **more = realloc(*items, (*n + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	more[(*n)++] = value;
	*items = more;
	return 0;
}

static int add_to(struct str_list *list, const char *value)
{
	return add(&list->items, &list->n, value);
}

/* What follows the option's name and a blank, NULL when it is another option. */
static const char *value_of(const char *text, const char *option)
{
	size_t n = strlen(option);

	return !strncmp(text, option, n) && text[n] == ' ' ? text + n + 1 : NULL;
}

/* `vtbpf ctl` took it back while tracing: "X at +12.345 s". From then on the thread was recorded, and
 * before that it was not. */
static void take_back(const char *value, struct slice_filter *f)
{
	const char *end = NULL, *p = value;
	size_t i = 0;

	while ((p = strstr(p, " at +")))
		end = p++;
	while (end && i < f->n_ignore_threads) {
		const char *x = f->ignore_threads[i];

		if (strlen(x) == (size_t)(end - value) && !strncmp(x, value, strlen(x)))
			f->ignore_threads[i] = f->ignore_threads[--f->n_ignore_threads];
		else
			i++;
	}
}

static int read_one(const char *text, struct slice_filter *f)
{
	struct function_filter *fn = &f->functions;
	const char *value;

	if ((value = value_of(text, "--ignore-thread")))
		return add(&f->ignore_threads, &f->n_ignore_threads, value);
	if ((value = value_of(text, "--only-thread")))
		return add(&f->only_threads, &f->n_only_threads, value);
	if ((value = value_of(text, "--ignore-function")))
		return add_to(&fn->ignore, value);
	if ((value = value_of(text, "--only-function")))
		return add_to(&fn->only, value);
	if ((value = value_of(text, "--include-files")))
		return add_to(&fn->include_files, value);
	if ((value = value_of(text, "--exclude-files")))
		return add_to(&fn->exclude_files, value);
	if ((value = value_of(text, "--c-calls")))
		return add_to(&fn->c_calls, value);
	if ((value = value_of(text, "ctl: unignore-thread")))
		take_back(value, f);
	if (!strcmp(text, "--cut"))
		fn->cut = true;
	return 0;
}

int recorded_filter__read(const struct session *s, uint32_t part, struct slice_filter *f)
{
	const struct session_texts *t = &s->texts[VTBPF_TEXT_FILTER];
	const struct session_text *first = session__part_text(s, part, VTBPF_TEXT_FILTER);
	size_t i = first ? (size_t)(first - t->text) : t->n;
	int err = 0;

	memset(f, 0, sizeof(*f));
	f->max_stack_depth = -1;
	for (; i < t->n && t->text[i].part == part && !err; i++)
		err = read_one(t->text[i].data, f);
	return err;
}

void recorded_filter__release(struct slice_filter *f)
{
	free(f->ignore_threads);
	free(f->only_threads);
	free(f->functions.ignore.items);
	free(f->functions.only.items);
	free(f->functions.include_files.items);
	free(f->functions.exclude_files.items);
	free(f->functions.c_calls.items);
	memset(f, 0, sizeof(*f));
}

// SPDX-License-Identifier: GPL-2.0-only
/* The differential flame graph, and the functions in a table: html/diff.js shows them. */
#include <errno.h>
#include <stdlib.h>

#include "../decode/text_set.h"
#include "../version.h"
#include "diff_writer.h"
#include "html_page.h"

struct diff_page {
	struct html_page html;
	const struct diff *d;
	struct stack_tree tree;			   /* count: BEFORE, self: AFTER */
	struct text_set labels;			   /* what the page has for functions */
	const struct diff_entry **entries;	   /* by label, NULL: a thread */
	const struct profile_function **functions; /* by label */
};

/* What the labels stand for. */
static int find_functions(struct diff_page *page)
{
	const struct diff *d = page->d;
	size_t i, room = d->side[0].names->n_functions + d->side[1].names->n_functions + 1;
	int64_t no;
	int k;

	page->entries = calloc(room, sizeof(*page->entries));
	page->functions = calloc(room, sizeof(*page->functions));
	if (!page->entries || !page->functions)
		return -ENOMEM;
	for (k = 0; k < DIFF_SIDES; k++) {
		for (i = 0; i < d->side[k].names->n_functions; i++) {
			no = diff_stacks__label(d, k, i, &page->labels);
			if (no < 0)
				return (int)no;
			page->functions[no] = &d->side[k].names->functions[i];
			if (d->entry_of[k][i] == UINT32_MAX)
				continue;
			page->entries[no] = &d->entries[d->entry_of[k][i]];
			page->functions[no] = diff__function(d, page->entries[no]);
		}
	}
	return 0;
}

static void write_facts(struct diff_page *page)
{
	char *summary = diff_text__summary(page->d);

	html_page__section(&page->html, 'M');
	html_page__fact(&page->html, "kind", "diff");
	html_page__fact(&page->html, "version", VTBPF_VERSION);
	html_page__fact(&page->html, "summary", summary ? summary : "");
	html_page__end_section(&page->html);
	free(summary);
}

static void write_function(void *from, size_t label)
{
	static const struct diff_values none;
	struct diff_page *page = from;
	const struct diff_entry *e = page->entries[label];
	const struct diff_values *v = e ? &e->values[DIFF_AFTER] : &none;
	struct html_page *h = &page->html;

	html_page__function(h, page->functions[label]);
	html_page__rounded(h, v->calls);
	html_page__rounded(h, v->self);
	html_page__rounded(h, v->total);
	html_page__rounded(h, v->min);
	html_page__rounded(h, v->mean);
	html_page__rounded(h, v->p50);
	html_page__rounded(h, v->p99);
	html_page__rounded(h, v->max);
}

static void write_change(void *from, size_t label)
{
	struct diff_page *page = from;
	const struct diff_entry *e = page->entries[label];
	struct html_page *h = &page->html;

	if (!e)
		return;
	html_page__number(h, label);
	html_page__number(h, e->verdict);
	html_page__number(h, e->judged);
	html_page__number(h, html_page__zigzag((int64_t)(10000 * e->change)));
	html_page__rounded(h, e->values[DIFF_BEFORE].calls);
	html_page__rounded(h, e->values[DIFF_BEFORE].self);
}

static void write_all(struct diff_page *page, char kind, void (*write)(void *page, size_t label))
{
	const struct html_list list = { kind, page->labels.n, write, page };

	html_page__list(&page->html, &list);
}

/* Samples are shown as the time that they stand for. */
static int write_stacks(struct diff_page *page)
{
	const struct diff_run *run = &page->d->side[DIFF_BEFORE].runs[0];
	struct stack_tree before = { .n = page->tree.n };
	const struct html_tree out = { .tree = &page->tree, .before = &before };
	uint64_t unit = run->period ? run->period : 1;
	size_t i;

	before.nodes = calloc(before.n, sizeof(*before.nodes));
	if (!before.nodes)
		return -ENOMEM;
	for (i = 0; i < before.n; i++) {
		before.nodes[i].self = page->tree.nodes[i].count * unit;
		page->tree.nodes[i].self *= unit;
		page->tree.nodes[i].count = 0;
	}
	html_page__tree(&page->html, &out);
	free(before.nodes);
	return 0;
}

static int write_html(const struct diff_output *o, struct outbuf *out)
{
	struct diff_page page = { .d = o->d };
	int err = diff_stacks__merge(o->d, &page.tree, &page.labels);

	if (!err)
		err = find_functions(&page);
	if (!err)
		err = html_page__begin(&page.html, out);
	if (!err) {
		write_facts(&page);
		write_all(&page, 'F', write_function);
		write_all(&page, 'D', write_change);
		err = write_stacks(&page);
	}
	if (!err)
		err = html_page__end(&page.html);
	html_page__release(&page.html);
	stack_tree__release(&page.tree);
	text_set__release(&page.labels);
	free(page.entries);
	free(page.functions);
	return err;
}

const struct diff_format diff_html = {
	.name = "html",
	.extension = ".html",
	.stacks = true,
	.write = write_html,
};

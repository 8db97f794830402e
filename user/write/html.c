// SPDX-License-Identifier: GPL-2.0-only
/* The report for a browser: timeline, flame graph and table of functions in one file. See html_page.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../decode/profile_args.h"
#include "../decode/profile_stacks.h"
#include "../decode/report.h"
#include "../log.h"
#include "../version.h"
#include "html_page.h"
#include "html_slices.h"
#include "profile_writer.h"
#include "report_writer.h"

/* Flags of a track. */
#define TRACK_BACKWARDS 0x1 /* its slices come from the last to the first */
#define TRACK_MARKS 0x2	    /* they are no calls: losses, windows, pauses */

struct page {
	struct html_page html;
	const struct profile *p;
	struct profile *args; /* the same, to be read from */
	struct report report;
	uint64_t shortest; /* shorter calls are not on the timeline */
	uint64_t slices;
};

static void write_sampling(struct page *page)
{
	struct html_page *h = &page->html;
	const struct profile *p = page->p;

	html_page__fact_number(h, "period_ns", p->period);
	html_page__fact_number(h, "wall", p->wall);
	html_page__fact_number(h, "samples", p->samples);
	html_page__fact_number(h, "samples_lost", p->samples_lost);
	html_page__fact_number(h, "samples_unreadable", p->samples_unreadable);
}

static void write_facts(struct page *page)
{
	struct html_page *h = &page->html;
	const struct profile *p = page->p;
	char number[32];

	html_page__section(h, 'M');
	html_page__fact(h, "kind", "trace");
	html_page__fact(h, "version", VTBPF_VERSION);
	html_page__fact_number(h, "calls", p->calls);
	html_page__fact_number(h, "lost", p->lost);
	html_page__fact_number(h, "dropped", p->dropped);
	html_page__fact_number(h, "start_ns", p->start);
	html_page__fact_number(h, "span_ns", p->end - p->start);
	if (p->realtime_offset)
		html_page__fact_number(h, "wall_clock_ns", p->start + (uint64_t)p->realtime_offset);
	if (p->in_windows) {
		snprintf(number, sizeof(number), "%.6f", p->coverage);
		html_page__fact(h, "coverage", number);
	}
	if (profile__is_sampled(p))
		write_sampling(page);
	if (p->exact && p->sampled) {
		html_page__fact_number(h, "exact", p->exact);
		html_page__fact_number(h, "sampled", p->sampled);
	}
	if (page->shortest)
		html_page__fact_number(h, "shortest_ns", page->shortest);
	html_page__end_section(h);
}

static void write_processes(struct page *page)
{
	struct html_page *h = &page->html;
	const struct profile_process *process;

	html_page__section(h, 'P');
	for (process = page->p->processes; process; process = process->hh.next) {
		html_page__number(h, process->pid);
		html_page__text(h, process->name.p ? process->name.p : "", process->name.n);
	}
	html_page__end_section(h);
}

static void write_function(void *from, size_t i)
{
	struct page *page = from;
	struct html_page *h = &page->html;
	const struct report_function *r = &page->report.functions[i];

	html_page__function(h, &page->p->functions[i]);
	html_page__number(h, r->calls);
	html_page__number(h, r->self);
	html_page__number(h, r->total);
	html_page__number(h, r->min);
	html_page__rounded(h, r->mean);
	html_page__rounded(h, r->p50);
	html_page__rounded(h, r->p99);
	html_page__number(h, r->max);
}

static void write_functions(struct page *page)
{
	const struct html_list list = { 'F', page->p->n_functions, write_function, page };

	html_page__list(&page->html, &list);
}

static void write_tracks(struct page *page)
{
	struct html_page *h = &page->html;
	const struct profile_track *t;

	html_page__section(h, 'T');
	for (size_t i = 0; i < page->p->n_tracks; i++) {
		t = page->p->tracks[i];
		html_page__number(h, t->pid);
		html_page__number(h, t->tid);
		html_page__number(h, t->thread);
		html_page__number(h, (t->by_start ? 0 : TRACK_BACKWARDS) |
					     (t->is_gaps ? TRACK_MARKS : 0));
		html_page__number(h, t->lost);
		html_page__text(h, t->name.p, t->name.n);
	}
	html_page__end_section(h);
}

static int write_slices(struct page *page)
{
	struct html_track t = { .profile = page->p };
	uint64_t marks = 0;
	int err = 0;

	for (size_t i = 0; i < page->p->n_tracks && !err; i++) {
		t.track = page->p->tracks[i];
		t.index = i;
		t.shortest = t.track->is_gaps ? 0 : page->shortest;
		err = html_slices__write(&page->html, &t,
					 t.track->is_gaps ? &marks : &page->slices);
	}
	return err;
}

static void write_call_args(struct page *page, const struct profile_args_call *call)
{
	struct html_page *h = &page->html;

	html_page__number(h, call->track);
	html_page__number(h, call->start - page->p->start);
	html_page__number(h, call->n);
	for (size_t i = 0; i < 2 * call->n; i++)
		html_page__text(h, call->text[i].p, call->text[i].n);
}

/* Of the calls that are on the timeline. */
static int write_args(struct page *page)
{
	struct html_page *h = &page->html;
	struct profile_args_call call;
	int got = profile_args__rewind(page->args);

	html_page__section(h, 'A');
	while (!got && (got = profile_args__next(page->args, &call)) > 0) {
		got = h->err;
		if (call.dur < page->shortest || got)
			continue;
		write_call_args(page, &call);
		if (html_page__is_full(h)) {
			html_page__end_section(h);
			html_page__section(h, 'A');
		}
	}
	html_page__end_section(h);
	return got;
}

static int write_stacks(struct page *page, size_t index, const uint32_t *same)
{
	const struct profile_track *t = page->p->tracks[index];
	struct stack_tree tree;
	struct html_tree out = { .index = index, .tree = &tree };
	int err;

	if (t->is_gaps || profile_track__is_empty(t))
		return 0;
	err = stack_tree__init(&tree);
	if (!err)
		err = profile_stacks__add(page->p, t, &tree, STACK_ROOT, same);
	if (!err)
		html_page__tree(&page->html, &out);
	stack_tree__release(&tree);
	return err;
}

static int write_flames(struct page *page)
{
	uint32_t *same = calloc(page->p->n_functions + 1, sizeof(*same));
	int err = same ? 0 : -ENOMEM;

	for (size_t i = 0; same && i < page->p->n_functions; i++)
		same[i] = (uint32_t)i;
	for (size_t i = 0; i < page->p->n_tracks && !err; i++)
		err = write_stacks(page, i, same);
	free(same);
	return err;
}

static void warn_of_left_out(const struct page *page)
{
	if (page->shortest)
		log_warn("the timeline shows %llu of %llu calls: those shorter than %llu ns are "
			 "left out of it, not of the flame graph and the table",
			 (unsigned long long)page->slices, (unsigned long long)page->p->calls,
			 (unsigned long long)page->shortest);
}

static int write_page(struct page *page)
{
	int err;

	write_facts(page);
	write_processes(page);
	write_functions(page);
	write_tracks(page);
	err = write_slices(page);
	if (!err)
		err = write_args(page);
	if (!err)
		err = write_flames(page);
	if (!err)
		err = html_page__end(&page->html);
	if (!err) {
		warn_of_left_out(page);
		profile_writer__warn_of_left_out(page->p);
	}
	return err;
}

static int html_profile(struct writer *w, struct profile *p)
{
	struct page page = { .p = p, .args = p };
	int err = report__make(&page.report, p);

	profile_writer__span_marks(p);
	if (!err)
		err = html_slices__shortest(p, HTML_SLICES_MAX, &page.shortest);
	if (!err)
		err = html_page__begin(&page.html, &w->out);
	if (!err)
		err = write_page(&page);
	html_page__release(&page.html);
	report__release(&page.report);
	return err;
}

static int html_slice(struct writer *w, const struct slice *slice)
{
	int err = profile_writer__slice(w, slice);
	struct profile_args_call call;

	if (err || !slice->n_args)
		return err;
	call.track = profile_writer__track_of(w, slice->track)->number;
	call.start = slice->start;
	call.dur = slice->dur;
	call.n = slice->n_args;
	for (size_t i = 0; i < slice->n_args; i++) {
		call.text[2 * i] =
			(struct profile_text){ slice->args[i].name.data, slice->args[i].name.len };
		call.text[2 * i + 1] =
			(struct profile_text){ slice->args[i].text.data, slice->args[i].text.len };
	}
	return profile_args__add(profile_writer__profile(w), &call);
}

const struct writer_ops html_writer = {
	.name = "html",
	.extension = ".html",
	.slice = html_slice,
	.shows_args = true,
	.event = profile_writer__event,
	.profile = html_profile,
	PROFILE_WRITER_OTHERS,
};

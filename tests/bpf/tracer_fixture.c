// SPDX-License-Identifier: GPL-2.0-only
#include "tracer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/discover/py_threads.h"
#include "../../user/trace/privileges.h"

/* Calls of the function on the second line of this script are what is counted: the line is its mark
 * (what exec() runs begins on line 1). */
static const char script[] =
	"\n"
	"def f(n): return f(n - 1) if n else 0\n"
	"import sys, threading, _thread\n"
	"sys.setrecursionlimit(10000)\n"
	"threading.stack_size(64 << 20)\n"
	"def deep(n):\n"
	"    t = threading.Thread(target=f, args=(n,))\n"
	"    t.start()\n"
	"    t.join()\n"
	"def flat(n):\n"
	"    for i in range(n): f(0)\n"
	"def freed(n):\n"
	"    for i in range(n):\n"
	"        c = compile('\\n' * (i % 50) + '(lambda: 0)()', 'f', 'exec')\n"
	"        for k in range(9): exec(c)\n"
	"def threads(n):\n"
	"    for i in range(n): deep(0)\n"
	"class Many(threading.Thread):\n"
	"    def __init__(self, **kw):\n"
	"        for i in range(40): setattr(self, 'attr%d' % i, i)\n"
	"        super().__init__(**kw)\n"
	"def rename(name): threading.current_thread().name = name\n"
	"def named():\n"
	"    def go(make=threading.Thread, target=f, args=(1,), **kw):\n"
	"        t = make(target=target, args=args, **kw)\n"
	"        t.start()\n"
	"        t.join()\n"
	"    go(name='plain')\n"
	"    go(name='\\xe9')\n"
	"    go(name='\\u4e00\\U0001f600')\n"
	"    go(name='x' * 9000)\n"
	"    go(make=Many, name='many')\n"
	"    go(target=rename, args=('after',), name='before')\n"
	"    lock = threading.Lock()\n"
	"    lock.acquire()\n"
	"    _thread.start_new_thread(lambda x: lock.release(), (threading.Thread(),))\n"
	"    lock.acquire()\n"
	"print(flush=True)\n"
	"for line in sys.stdin:\n"
	"    exec(line)\n"
	"    print(flush=True)\n";

bool fixture__can_trace(void)
{
	char why[512];

	if (!privileges__check(why, sizeof(why)))
		return true;
	print_message("skipped: %s\n", why);
	return false;
}

/* ---- the target ------------------------------------------------------------------------- */

void fixture__start_target(struct fixture *f)
{
	const char *python = getenv("VTBPF_TEST_PYTHON");
	int in[2], out[2];

	assert_int_equal(pipe(in) || pipe(out), 0);
	f->pid = fork();
	if (!f->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execl(python ? python : "/usr/bin/python3", "python3", "-Sc", script, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	f->in = fdopen(in[1], "w");
	f->out = fdopen(out[0], "r");
	assert_int_equal(fgetc(f->out), '\n');
}

void fixture__run(struct fixture *f, const char *command)
{
	fprintf(f->in, "%s\n", command);
	fflush(f->in);
	while (fgetc(f->out) != '\n')
		assert_false(feof(f->out));
}

void fixture__stop_target(struct fixture *f)
{
	fclose(f->in);
	fclose(f->out);
	waitpid(f->pid, NULL, 0);
}

/* ---- records ---------------------------------------------------------------------------- */

static void note_call(struct seen *s, const struct vtbpf_rec_call *c)
{
	s->all++;
	if (c->rec.flags & VTBPF_F_OPEN_END) {
		s->open++;
		return;
	}
	for (size_t i = 0; i < s->n_codes; i++)
		if (s->f_codes[i] == c->code) {
			s->calls++;
			s->max_depth = c->depth > s->max_depth ? c->depth : s->max_depth;
		}
}

static void note_name(struct seen *s, const struct vtbpf_rec_str *rec)
{
	char *name = rec->which == VTBPF_STR_THREAD ? str_pieces__add(&s->name, rec) : NULL;
	size_t used = strlen(s->names);

	if (name)
		snprintf(s->names + used, sizeof(s->names) - used, "%s|", name);
	free(name);
}

int fixture__on_record(void *ctx, const struct vtbpf_rec *rec)
{
	const struct vtbpf_rec_code *code = (const void *)rec;
	struct seen *s = ctx;

	if (rec->kind == VTBPF_REC_CODE && code->firstlineno == 2 && s->n_codes < 8)
		s->f_codes[s->n_codes++] = code->id;
	else if (rec->kind == VTBPF_REC_CALL)
		note_call(s, (const void *)rec);
	else if (rec->kind == VTBPF_REC_LOST)
		s->lost += ((const struct vtbpf_rec_lost *)rec)->lost;
	else if (rec->kind == VTBPF_REC_STR)
		note_name(s, (const void *)rec);
	else if (rec->kind == VTBPF_REC_THREAD)
		s->threads++;
	else if (rec->kind == VTBPF_REC_COUNTERS)
		s->counters = ((const struct vtbpf_rec_counters *)rec)->count;
	return 0;
}

/* ---- one trace -------------------------------------------------------------------------- */

/* Leaves out the sites of one kind: what a plan does that misjudged a build. */
static void drop_sites(struct probe_plan *plan, enum vtbpf_site_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_sites; i++)
		if (plan->sites[i].site.kind != kind)
			plan->sites[n++] = plan->sites[i];
	plan->n_sites = n;
}

static struct probe_site *find_site(struct probe_plan *plan, enum vtbpf_site_kind kind)
{
	for (size_t i = 0; i < plan->n_sites; i++)
		if (plan->sites[i].site.kind == kind)
			return &plan->sites[i];
	fail_msg("no site of kind %d", kind);
	return NULL;
}

/* The script has no generators. */
static void misplace_freed(struct probe_plan *plan)
{
	find_site(plan, VTBPF_SITE_CODE_FREED)->offset = find_site(plan, VTBPF_SITE_YIELD)->offset;
}

/* The register holds the frame, and the word at frame -> previous its caller. */
void fixture__read_words(struct probe_plan *plan)
{
	for (size_t i = 0; i < plan->n_sites; i++) {
		struct vtbpf_site *site = &plan->sites[i].site;

		if (site->kind != VTBPF_SITE_ENTRY)
			continue;
		site->flags |= VTBPF_SITE_FRAME_IN_WORD;
		site->frame_at = (__s16)plan->layout.frame_previous;
	}
}

void fixture__attrs(struct fixture *f, struct vtbpf_attrs *attrs)
{
	struct py_reader *r = py_reader__new(f->pid, &f->plan, f->target.load_bias);

	assert_non_null(r);
	py_reader__attrs(r, attrs);
	assert_int_not_equal(attrs->form, VTBPF_ATTRS_NONE);
	py_reader__free(r);
}

void fixture__begin_without(struct fixture *f, const struct tracer_config *config,
			    enum vtbpf_site_kind dropped)
{
	struct tracer_config cfg = *config;
	char why[512] = "";

	fixture__start_target(f);
	if (target__open(f->pid, &f->target, why, sizeof(why)) ||
	    probe_plan__make(f->target.interp_fd, &f->plan, why, sizeof(why)))
		fail_msg("%s", why);
	drop_sites(&f->plan, dropped);
	if (f->misplace_freed)
		misplace_freed(&f->plan);
	if (f->callers_enter)
		fixture__read_words(&f->plan);
	if (f->with_attrs)
		fixture__attrs(f, &cfg.attrs);
	f->tracer = tracer__new(&f->plan, &cfg, fixture__on_record, &f->seen);
	assert_non_null(f->tracer);
	assert_int_equal(tracer__attach(f->tracer, f->pid, f->target.interp_fd), 0);
	tracer__activate(f->tracer);
}

void fixture__begin(struct fixture *f, const struct tracer_config *cfg)
{
	fixture__begin_without(f, cfg, VTBPF_SITE_NONE);
}

void fixture__end(struct fixture *f)
{
	uint64_t stop = tracer__deactivate(f->tracer);

	assert_int_equal(tracer__detach(f->tracer), 0);
	assert_int_equal(tracer__sweep(f->tracer, stop), 0);
	tracer__free(f->tracer);
	fixture__stop_target(f);
	target__close(&f->target);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of a BPF program that call one another have 512 bytes of stack together. Newer kernels are
 * not so strict as older ones, which count each function's in units of 32 bytes, and callbacks as
 * calls (check_max_stack_depth() in kernel/bpf/verifier.c, Linux 5.10 to 6.12): counted here as there,
 * so that what loads on this kernel does on those. Parts of a program that are off count too.
 * Programs for a single site are for kernels that want the older object.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/trace/kernel_object.h"
#include "tracer_fixture.h"

#define STACK_MAX 512
#define STACK_UNIT 32
#define FUNCTIONS_MAX 256

struct function {
	size_t first;
	int stack; /* bytes */
};

struct program {
	const struct bpf_insn *insns;
	size_t n;
	struct function functions[FUNCTIONS_MAX]; /* in order */
	size_t n_functions;
};

/* Of the instruction: where the function that it calls, or hands to a helper, begins; 0: neither. */
static size_t callee(const struct program *p, size_t i)
{
	const struct bpf_insn *insn = &p->insns[i];

	if ((insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_CALL) ||
	    (insn->code == (BPF_LD | BPF_IMM | BPF_DW) && insn->src_reg == BPF_PSEUDO_FUNC))
		return (size_t)((int64_t)i + 1 + insn->imm);
	return 0;
}

static int compare_firsts(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static size_t function_at(const struct program *p, size_t first)
{
	const struct function key = { .first = first };
	const struct function *f =
		bsearch(&key, p->functions, p->n_functions, sizeof(key), compare_firsts);

	assert_non_null(f);
	return (size_t)(f - p->functions);
}

static size_t end_of(const struct program *p, size_t function)
{
	return function + 1 < p->n_functions ? p->functions[function + 1].first : p->n;
}

static void find_functions(struct program *p)
{
	bool *begins = calloc(p->n, sizeof(*begins));

	begins[0] = true;
	for (size_t i = 0; i < p->n; i++)
		if (callee(p, i))
			begins[callee(p, i)] = true;
	for (size_t i = 0; i < p->n; i++) {
		if (!begins[i])
			continue;
		assert_true(p->n_functions < FUNCTIONS_MAX);
		p->functions[p->n_functions++].first = i;
	}
	free(begins);
}

static int deeper(int stack, int at)
{
	return -at > stack && at >= -STACK_MAX ? -at : stack;
}

/* The lowest place that is named: r10 is the frame's end, also by way of another register. */
static int stack_of_function(const struct program *p, size_t first, size_t end)
{
	bool is_frame[16] = { [BPF_REG_10] = true };
	int stack = 0;

	for (size_t i = first; i < end; i++) {
		const struct bpf_insn *insn = &p->insns[i];
		int class = BPF_CLASS(insn->code);

		if (class == BPF_LDX && insn->src_reg == BPF_REG_10)
			stack = deeper(stack, insn->off);
		else if ((class == BPF_ST || class == BPF_STX) && insn->dst_reg == BPF_REG_10)
			stack = deeper(stack, insn->off);
		else if (insn->code == (BPF_ALU64 | BPF_MOV | BPF_X))
			is_frame[insn->dst_reg] = insn->src_reg == BPF_REG_10;
		else if (insn->code == (BPF_ALU64 | BPF_ADD | BPF_K) && is_frame[insn->dst_reg])
			stack = deeper(stack, insn->imm);
	}
	return stack;
}

static int rounded(int stack)
{
	return (stack + STACK_UNIT - 1) / STACK_UNIT * STACK_UNIT;
}

/* Bytes that the function and what it calls need. *next: whom it calls there, itself: nobody. */
static int deepest(const struct program *p, size_t function, unsigned int calls, size_t *next)
{
	int below = 0, depth;
	size_t other;

	assert_in_range(calls, 0, 8); /* frames: MAX_CALL_FRAMES */
	*next = function;
	for (size_t i = p->functions[function].first; i < end_of(p, function); i++) {
		if (!callee(p, i))
			continue;
		depth = deepest(p, function_at(p, callee(p, i)), calls + 1, &other);
		if (depth > below) {
			below = depth;
			*next = function_at(p, callee(p, i));
		}
	}
	return rounded(p->functions[function].stack) + below;
}

static void print_deepest(const struct program *p)
{
	size_t f = 0, next;

	for (;; f = next) {
		print_message("  %zu instructions: %d bytes\n",
			      end_of(p, f) - p->functions[f].first, p->functions[f].stack);
		deepest(p, f, 0, &next);
		if (next == f)
			break;
	}
}

static void check(const struct bpf_program *prog)
{
	struct program p = { .insns = bpf_program__insns(prog), .n = bpf_program__insn_cnt(prog) };
	size_t next;
	int depth;

	find_functions(&p);
	for (size_t i = 0; i < p.n_functions; i++) {
		p.functions[i].stack = stack_of_function(&p, p.functions[i].first, end_of(&p, i));
		if (!p.functions[i].stack)
			p.functions[i].stack = 1; /* none counts as one unit */
	}
	depth = deepest(&p, 0, 0, &next);
	if (depth <= STACK_MAX)
		return;
	print_deepest(&p);
	fail_msg("%s: %d bytes of stack, older kernels allow %d", bpf_program__name(prog), depth,
		 STACK_MAX);
}

static void check_all(bool old)
{
	struct vtbpf_bpf *skel;
	struct bpf_program *prog;

	if (!fixture__can_trace())
		skip();
	skel = kernel_object__open(old, 0);
	assert_non_null(skel);
	bpf_object__for_each_program(prog, skel->obj) bpf_program__set_autoload(prog, true);
	assert_int_equal(vtbpf_bpf__load(skel), 0);
	bpf_object__for_each_program(prog, skel->obj)
	{
		if (old || strncmp(bpf_program__name(prog), "on_site_", 8) ||
		    prog == skel->progs.on_site_multi || prog == skel->progs.on_site_cookie)
			check(prog);
	}
	vtbpf_bpf__destroy(skel);
}

static void test_new(void **state)
{
	(void)state;
	check_all(false);
}

static void test_old(void **state)
{
	(void)state;
	check_all(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new),
		cmocka_unit_test(test_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

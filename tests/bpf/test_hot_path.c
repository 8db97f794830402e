// SPDX-License-Identifier: GPL-2.0-only
/* What makes a hit cheap, by what the maps hold, and that all is right where it cannot be. Needs root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "../../user/trace/tracer_state.h"
#include "tracer_fixture.h"

#define CALLS 5000

static const struct tracer_config config = { .ring_bytes = 16 << 20, .max_stack_depth = -1 };

static void read_stack(const struct fixture *f, struct open_stack *stack)
{
	struct thread_map map = tracer__thread_map(f->tracer);
	struct thread_state state;

	assert_true(thread_map__get(&map, f->pid, &state));
	assert_int_equal(state.tid, f->pid);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(f->tracer->skel->maps.stacks), &state.slot,
					     stack),
			 0);
}

/* From 3.11 on slots are found by an instruction, and how large a caller's frame is has been learnt. */
static void test_entries_are_known(void **state)
{
	struct open_stack *stack = malloc(sizeof(*stack));
	struct fixture f = {};
	size_t by_instr = 0, sized = 0;

	(void)state;
	assert_non_null(stack);
	if (!fixture__can_trace()) {
		free(stack);
		skip();
	}
	fixture__begin(&f, &config);
	fixture__run(&f, "flat(5000)");
	read_stack(&f, stack);
	fixture__end(&f);
	for (size_t i = 0; i < CODE_SLOTS; i++) {
		by_instr += stack->codes[i].addr && stack->codes[i].key != stack->codes[i].addr;
		sized += stack->codes[i].size != 0;
	}
	free(stack);
	assert_int_equal(f.seen.calls, CALLS);
	if (f.plan.layout.minor >= 11) {
		assert_in_range(by_instr, 2, CODE_SLOTS);
		assert_in_range(sized, 1, CODE_SLOTS);
	} else {
		assert_int_equal(by_instr + sized, 0);
	}
}

/* Gives the first n places that the target's thread may have to another one. */
static void take_places(const struct fixture *f, __u32 n)
{
	struct thread_map map = tracer__thread_map(f->tracer);
	__u32 mask = f->tracer->skel->rodata->thread_mask;
	struct thread_state other = { .tid = 1, .slot = NO_SLOT };

	for (__u32 i = 0; i < n; i++) {
		__u32 place = (f->pid + i * THREAD_STRIDE) & mask;

		assert_int_equal(bpf_map_update_elem(map.states_fd, &place, &other, BPF_ANY), 0);
	}
}

static void test_place_is_taken(void **state)
{
	struct fixture f = {};
	__u32 tid, place = 0;

	(void)state;
	if (!fixture__can_trace())
		skip();
	fixture__begin(&f, &config);
	take_places(&f, THREAD_PLACES - 1);
	fixture__run(&f, "flat(5000)");
	tid = f.pid;
	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(f.tracer->skel->maps.threads), &tid, &place), 0);
	assert_int_equal(place, (tid + (THREAD_PLACES - 1) * THREAD_STRIDE) &
					f.tracer->skel->rodata->thread_mask);
	fixture__end(&f);
	assert_int_equal(f.seen.calls, CALLS);
	assert_int_equal(f.seen.counters.lost, 0);
}

/* What cannot be traced is counted. */
static void test_no_place(void **state)
{
	struct fixture f = {};

	(void)state;
	if (!fixture__can_trace())
		skip();
	fixture__begin(&f, &config);
	take_places(&f, THREAD_PLACES);
	fixture__run(&f, "flat(5000)");
	fixture__end(&f);
	assert_int_equal(f.seen.calls, 0);
	assert_in_range(f.seen.counters.lost, CALLS, 4 * CALLS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries_are_known),
		cmocka_unit_test(test_place_is_taken),
		cmocka_unit_test(test_no_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

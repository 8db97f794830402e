// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "discover/inner_pid.h"
#include "discover/probe_plan.h"
#include "discover/target.h"
#include "log.h"
#include "trace/calibrate.h"
#include "trace/leftovers.h"
#include "trace/privileges.h"

/* The cheapest and the dearest site of each of the two hits of a call. */
static uint64_t hits_cost(const struct probe_plan *plan, const struct hit_cost *cost, bool worst)
{
	bool entry_dear = false, exit_dear = false, entry_cheap = false, exit_cheap = false;

	for (size_t i = 0; i < plan->n_sites; i++) {
		bool dear = plan->sites[i].cost == COST_SINGLE_STEP;

		if (plan->sites[i].site.kind == VTBPF_SITE_ENTRY) {
			entry_dear |= dear;
			entry_cheap |= !dear;
		} else if (plan->sites[i].site.kind == VTBPF_SITE_EXIT) {
			exit_dear |= dear;
			exit_cheap |= !dear;
		}
	}
	if (!worst)
		return (entry_cheap ? cost->emulated_ns : cost->single_step_ns) +
		       (exit_cheap ? cost->emulated_ns : cost->single_step_ns);
	return (entry_dear ? cost->single_step_ns : cost->emulated_ns) +
	       (exit_dear ? cost->single_step_ns : cost->emulated_ns);
}

static void print_cost(const struct probe_plan *plan)
{
	struct hit_cost cost;
	int err = calibrate__hit_cost(&cost, CALIBRATE_WELL);
	uint64_t usual;

	if (err) {
		log_warn("cannot measure the cost of a hit: %s", strerror(-err));
		return;
	}
	printf("\ncost of a hit on this machine, measured now with an empty program\n"
	       "  emulated      %5.2f us\n  single-step   %5.2f us\n",
	       cost.emulated_ns / 1e3, cost.single_step_ns / 1e3);
	if (!plan)
		return;
	usual = hits_cost(plan, &cost, false);
	printf("a traced call costs the target two hits, %.2f us, and what vtbpf does in them: "
	       "about a quarter more\n",
	       usual / 1e3);
	if (hits_cost(plan, &cost, true) != usual)
		printf("rare calls reach a dearer site (the table above): up to %.2f us\n",
		       hits_cost(plan, &cost, true) / 1e3);
}

static int look_at_target(pid_t pid, bool can_trace)
{
	struct probe_plan plan;
	struct target t = {};
	char why[512] = "";
	int err = target__open(pid, &t, why, sizeof(why));

	if (err)
		inner_pid__explain("/proc", pid, why, sizeof(why));
	else
		err = probe_plan__make(t.interp_fd, &plan, why, sizeof(why));
	if (err)
		log_error("process %d: %s", pid, why);
	else
		probe_plan__print(&plan, t.interp, stdout);
	if (!err && can_trace) {
		leftovers__clear(pid, t.interp_fd);
		print_cost(&plan);
	}
	target__close(&t);
	return err == -EACCES ? EXIT_NO_PRIVILEGE : err ? EXIT_BAD_TARGET : EXIT_OK;
}

int cmd_doctor(const struct options *o)
{
	bool good = privileges__report(stdout);
	int status = EXIT_OK;

	if (o->pid) {
		putchar('\n');
		fflush(stdout);
		status = look_at_target(o->pid, good);
	} else if (good) {
		print_cost(NULL);
	}
	return status ? status : good ? EXIT_OK : EXIT_NO_PRIVILEGE;
}

/* signal.c - signals, as far as their default actions: end, stop, continue, nothing. */
#include "life.h"

enum { SIGNAL_KILL = 9, SIGNAL_CHLD = 17, SIGNAL_CONT = 18, SIGNAL_STOP = 19, SIGNAL_TSTP = 20, SIGNAL_TTIN = 21,
       SIGNAL_TTOU = 22, SIGNAL_URG = 23, SIGNAL_WINCH = 28, SIGNAL_MOST = 64 };

static uint64_t bit(int signal)
{
	return (uint64_t)1 << (signal - 1);
}

static bool in(uint64_t set, int signal)
{
	return set & bit(signal);
}

static bool is_stop(int signal)
{
	return signal >= SIGNAL_STOP && signal <= SIGNAL_TTOU;
}

static bool does_nothing(int signal)
{
	return signal == SIGNAL_CHLD || signal == SIGNAL_URG || signal == SIGNAL_WINCH;
}

static bool cannot_be_refused(int signal)
{
	return signal == SIGNAL_KILL || signal == SIGNAL_STOP;
}

/* Its effect now; `p` may be gone afterwards. */
static void deliver(struct vm_proc *p, int signal)
{
	if (!cannot_be_refused(signal) && (in(p->sig_caught | p->sig_ignored, signal) || does_nothing(signal)))
		return;
	if (is_stop(signal)) {
		p->state = p->main.state = VM_STOPPED;
		p->main.state_set = 0;
		proc_changed(p);
		return;
	}
	proc_end(p, signal);
}

static void go_on(struct vm_proc *p)
{
	p->sig_pending &= ~(bit(SIGNAL_STOP) | bit(SIGNAL_TSTP) | bit(SIGNAL_TTIN) | bit(SIGNAL_TTOU));
	if (p->state == VM_STOPPED)
		p->state = p->main.state = VM_SLEEPING;
	p->main.state_set = 0;
	proc_changed(p);
	for (int s = 1; s <= SIGNAL_MOST; s++) {
		struct vm_host *h = p->host;
		uint32_t serial = p->serial;

		if (!in(p->sig_pending & ~p->sig_blocked, s))
			continue;
		p->sig_pending &= ~bit(s);
		deliver(p, s);
		if (!vm_proc_by_serial(h, serial) || !p->mm || p->state == VM_STOPPED)
			return;
	}
}

int vm_kill(struct vm_proc *p, int signal, struct err *e)
{
	if (signal < 0 || signal > SIGNAL_MOST)
		return err_set(e, EINVAL, 0, "there is no signal %d", signal);
	if (signal == 0 || !p->mm)
		return 0;                                /* a zombie takes no notice */
	if (p == p->host->init && !does_nothing(signal) && signal != SIGNAL_CONT)
		return err_set(e, EPERM, 0, "init takes no signal that it has no handler for");
	if (signal == SIGNAL_CONT) {
		go_on(p);
		return 0;
	}
	if (!cannot_be_refused(signal) && in(p->sig_ignored, signal))
		return 0;
	if (signal != SIGNAL_KILL && !is_stop(signal) && !does_nothing(signal) &&
	    (p->state == VM_STOPPED || in(p->sig_blocked, signal))) {
		p->sig_pending |= bit(signal);           /* until it goes on */
		proc_changed(p);
		return 0;
	}
	deliver(p, signal);
	return 0;
}

/* Bare C: fork the workers, and let them and the coordinator meet at a process-shared barrier twice a cycle.
   barrier WORKERS CYCLES prints seconds a cycle. */

#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static void cycle(pthread_barrier_t *barrier, int cycles) {
    for (int i = 0; i < cycles; i++) {
        pthread_barrier_wait(barrier); /* release */
        pthread_barrier_wait(barrier); /* gather */
    }
}

int main(int argc, char **argv) {
    int workers = atoi(argv[1]), cycles = atoi(argv[2]), warm_up = 200;
    pthread_barrier_t *barrier = mmap(0, sizeof *barrier, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_barrierattr_t attributes;
    pthread_barrierattr_init(&attributes);
    pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(barrier, &attributes, workers + 1);
    for (int i = 0; i < workers; i++)
        if (fork() == 0) {
            cycle(barrier, warm_up + cycles);
            _exit(0);
        }
    cycle(barrier, warm_up);
    double start = now();
    cycle(barrier, cycles);
    printf("%.9f\n", (now() - start) / cycles);
    while (wait(0) > 0);
}

/* ww_link: ww_simulate ww_ingest
 * All shipped rules over months of the simulated city, for the default seed and nine others: how many of the
 * scripted events are found and how soon, how many alerts are false, how many broken sensors are called that.
 *
 *   bench_rules [days to score = 60] [days to learn = 14] [seeds = 10] [first seed = 1] [-v]
 */
#include "tests/support/judged_city.h"

int main(int argc, char **argv) {
    int days = argc > 1 ? atoi(argv[1]) : 60, learn = argc > 2 ? atoi(argv[2]) : 14;
    int seeds = argc > 3 ? atoi(argv[3]) : 10, first = argc > 4 ? atoi(argv[4]) : 1;
    struct judged_city all = {0};
    jc_is_told = argc > 5;
    printf("%d days to learn, %d to score, %u rules\n", learn, days, city_n_rules);
    printf("seed events recall delay  learning: recall delay  alerts false /ward-month  faults called  "
           "false leads  joined raised twice  readings/s\n");
    for (int i = 0; i < seeds; i++) {
        struct judged_city s;
        judge_city((uint64_t)(first + i), learn, days, &s);
        printf("%4d %6u %6.3f %5.1f  %16.3f %5.1f  %6u %5u %11.3f  %6u %6.3f  %5u %5u  %6u %6u %5u  %10.0f\n",
               first + i, s.events, (double)s.found / s.events, s.median_delay_intervals,
               (double)s.found_by_learning / s.events, s.median_delay_learning, s.alerts, s.false_alerts,
               s.false_alerts / s.ward_months, s.faults, (double)s.faults_called / s.faults, s.false_faults,
               s.leads, s.joined, s.raised, s.more_than_one, (double)s.readings / s.cpu_s);
        all.events += s.events;
        all.found += s.found;
        all.found_by_learning += s.found_by_learning;
        all.false_alerts += s.false_alerts;
        all.false_faults += s.false_faults;
        all.faults += s.faults;
        all.faults_called += s.faults_called;
        all.ward_months += s.ward_months;
        fflush(stdout);
    }
    printf("all: recall %.4f (by learning %.4f), false alerts %.3f a ward-month, faults called %.4f, false "
           "sensor alerts %.3f a ward-month\n",
           (double)all.found / all.events, (double)all.found_by_learning / all.events,
           all.false_alerts / all.ward_months, (double)all.faults_called / all.faults,
           all.false_faults / all.ward_months);
    return 0;
}

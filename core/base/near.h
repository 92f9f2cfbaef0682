/* near - which known word did the user mean?
 *
 * Offer the candidates one by one; the best so far is kept. The distance counts letters that were
 * added, left out, changed or swapped with their neighbour, and is bounded: a word that is nothing
 * like any candidate has no nearest one. */
#ifndef RCTR_NEAR_H
#define RCTR_NEAR_H

enum { NEAR_WORD_MAX = 48 }; /* longer words are never near to anything */

struct near {
    const char *word; /* borrowed: what the user wrote */
    const char *best; /* borrowed: the nearest candidate so far, or NULL */
    int distance;     /* of `best` */
};

/* Begin a search: `(struct near){.word = word}` does the same. */
void near_begin(struct near *n, const char *word);

/* Offer one candidate; NULL is passed over. The first of equally near ones stays. */
void near_offer(struct near *n, const char *candidate);

/* The distance between two words; more than NEAR_WORD_MAX when one of them is too long. */
int near_distance(const char *a, const char *b);

#endif

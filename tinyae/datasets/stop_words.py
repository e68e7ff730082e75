"""English words that say nothing about the subject, and what every Usenet post is framed with.

A small fixed list, so that "the 2000 commonest words" means the same everywhere: pronouns, articles, auxiliary verbs
with what is left of them where apostrophes cut ("don t", "ve"), conjunctions, prepositions, common adverbs; then the
words of the lines "In article <...@....edu> ... writes:". Content words stay, however common.
"""

STOP_WORDS = frozenset(
    """
    a about above after again against all also am an and another any anyone anything are aren as at back be because
    been before being below between both but by can cannot could couldn did didn do does doesn doing don done down
    during each either else etc even ever every few for from further get gets getting give go goes going got had
    hadn has hasn have haven having he her here hers herself him himself his how however if in into is isn it its
    itself just let ll many may maybe me might mine more most much must my myself neither no nor not nothing now of
    off oh ok on once one ones only onto or other others our ours ourselves out over own perhaps quite rather re
    really said same say says see seem seems several shall she should shouldn since so some someone something
    somewhat still such than that the their theirs them themselves then there these they thing things this those
    though through thus to too two under until up upon us use used using ve very via was wasn way we well were weren
    what when where whether which while who whole whom whose why will with within without won would wouldn yes yet
    you your yours yourself yourselves
    article com edu net writes wrote
    """.split()
)

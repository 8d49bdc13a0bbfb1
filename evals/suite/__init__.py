"""The eval suite: cases -> outcomes -> metrics -> comparison, report, table of peers.

    cases      every case file as one list, and the cases derived from them
    subject    what is evaluated: a tutor, whole, or with items hidden, or with a fault planted
    observe    one case put to the subject -> one `Outcome`
    outcomes   outcomes and runs on disk
    scorers    texts and rankings -> numbers of one case
    stats      numbers of many cases -> one figure, with the bootstrap over topics
    metrics    the table of metrics
    run, compare, baseline, plant, report, peers: the commands
"""

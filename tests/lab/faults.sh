stop_loops(){ :; }
